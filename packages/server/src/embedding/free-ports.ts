import { createServer } from 'node:net';

// Below the range from which systems take the ports of outgoing connections: a server that restarts finds its port free.
const LOWEST = 15_000;
const HIGHEST = 32_000;
const ATTEMPTS = 1_000;
/** Of this process: a server that is stopped keeps its port for its restart. */
const handedOut = new Set<number>();

/** `count` different ports of an address on which nobody listens. @throws Error when none is found */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const ports: number[] = [];
  for (let attempt = 0; ports.length < count; attempt++) {
    if (attempt === ATTEMPTS) throw new Error(`no free port from ${LOWEST} to ${HIGHEST} after ${ATTEMPTS} attempts`);
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (handedOut.has(port) || !(await canListen(host, port))) continue;
    handedOut.add(port);
    ports.push(port);
  }
  return ports;
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

import { connect } from 'node:net';
import { freePorts as freePortsOf } from '../../packages/server/src/embedding/free-ports.ts';

/** `count` different TCP ports nobody listens on, on any address, right now. */
export const freePorts = (count: number): Promise<number[]> => freePortsOf(count, '::');

/** Whether somebody accepts connections on `127.0.0.1:port`. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

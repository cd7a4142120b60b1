import type { Socket } from 'node:net';
import { HelloReader, type ElectionHello } from '@zk/protocol';
import { describeBytes, recogniseVisitor } from './visitor.ts';

export interface HelloOutcome {
  /**
   * The hello, and what already followed it. The socket has no listeners of ours any more.
   * @param isBareSid the form before 3.5, which any bytes can look like
   */
  met(hello: ElectionHello, rest: Buffer, isBareSid: boolean): void;
  /** No hello came, or something else did; the socket is destroyed. `received` is `null` when nothing was worth a word. */
  failed(received: string | null): void;
}

/** Waits for the hello on a connection that was accepted on the election port. */
export function awaitHello(socket: Socket, timeoutMs: number, outcome: HelloOutcome): void {
  const reader = new HelloReader();
  let head: Buffer = Buffer.alloc(0);

  const stop = (): void => {
    socket.setTimeout(0);
    socket.off('timeout', fail).off('error', fail).off('close', fail).off('data', receive);
    socket.on('error', () => socket.destroy());
  };
  const fail = (received: unknown): void => {
    stop();
    socket.destroy();
    outcome.failed(typeof received === 'string' ? received : null);
  };
  const receive = (chunk: Buffer): void => {
    if (head.length < 16) head = Buffer.concat([head, chunk.subarray(0, 16)]);
    const visitor = visitorOf(head);
    if (visitor !== null) return fail(`${visitor} (${describeBytes(head)})`);
    let complete;
    try {
      complete = reader.push(chunk);
    } catch (error) {
      return fail(`${error instanceof Error ? error.message : String(error)} (${describeBytes(head)})`);
    }
    if (complete === null) return;
    stop();
    outcome.met(complete.hello, complete.rest, head.readBigInt64BE(0) >= 0n);
  };

  socket.setTimeout(timeoutMs);
  socket.on('timeout', fail).on('error', fail).on('close', fail).on('data', receive);
}

/** Known by its first bytes; an election hello is at the right door. */
function visitorOf(head: Buffer): string | null {
  if (head.length < 4 || head.readInt32BE(0) === -1) return null;
  return recogniseVisitor(head);
}

import type { Socket } from 'node:net';
import { FrameReader } from '@zk/jute';
import type { ClientLink, Input } from '@zk/peer';
import { isCommandWord, STMK_ARGUMENT_BYTES, TELNET_CLOSE } from '../admin/words.ts';
import { BatchedWriter } from './batched-writer.ts';
import { javaAddress } from './java-address.ts';
import { seeOff } from './linger.ts';
import { readShared } from './shared-read.ts';
import type { Turn } from './turn.ts';
import { describeBytes, recogniseVisitor } from './visitor.ts';

/** Unsent bytes above which a client that does not read its replies is no longer read from. */
const SLOW_CONSUMER_BYTES = 1024 * 1024;

/** What a connection needs from its listener. */
export interface ConnectionHost {
  readonly turn: Turn;
  /** Longest request, in bytes: `jute.maxbuffer`. */
  readonly maxFrameBytes: number;
  feed(input: Input): void;
  /** What `feedAll` feeds was read in one go. */
  together(feedAll: () => void): void;
  /** The answer to a four-letter word, as text. `argument` is what followed it. */
  answerCommand(word: string, argument: Buffer, from: ClientConnection): string;
  /** The connection ended because of what it sent. */
  refused(connection: ClientConnection, reason: string): void;
  /** The connection counts no more. Called once. */
  gone(connection: ClientConnection): void;
}

/** One client-port connection: bytes into frames and commands, replies into one write per turn. */
export class ClientConnection implements ClientLink {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #writer: BatchedWriter;
  /** The first bytes, until there are enough to tell a command from a length. */
  #head: Buffer = Buffer.alloc(0);
  #reader: FrameReader | null = null;
  /** Frames that were read before a pause took effect: kept, since clients pipeline. */
  #backlog: Buffer[] = [];
  #pausedByPeer = false;
  #isSlow = false;
  #isOpen = true;

  constructor(socket: Socket, host: ConnectionHost) {
    this.remoteAddress = javaAddress(socket.remoteAddress ?? '');
    this.remotePort = socket.remotePort ?? 0;
    this.#socket = socket;
    this.#host = host;
    this.#writer = new BatchedWriter(socket, host.turn, () => this.#flushed());
    socket.on('drain', () => this.#drained());
    socket.on('end', () => socket.destroySoon());
    socket.on('error', () => socket.destroy()); // a reset is an ordinary way for a client to leave
    socket.on('close', () => this.#lost());
    readShared(socket, (chunk) => this.#receive(chunk));
  }

  /** `127.0.0.1:54321` */
  get remote(): string {
    return `${this.remoteAddress}:${this.remotePort}`;
  }

  send(frame: Buffer): void {
    this.#writer.send(frame);
  }

  sendPart(bytes: Buffer, start: number, end: number): void {
    this.#writer.sendPart(bytes, start, end);
  }

  close(_reason: string): void {
    if (!this.#isOpen) return;
    this.#leave();
    this.#writer.end();
    seeOff(this.#socket);
  }

  pause(): void {
    this.#pausedByPeer = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#pausedByPeer) return;
    this.#pausedByPeer = false;
    // Not at once: the peer is in the middle of a step.
    queueMicrotask(() => this.#catchUp());
  }

  /** Ends the connection with nothing sent. */
  destroy(): void {
    this.#leave();
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (!this.#isOpen) return;
    if (this.#reader === null) this.#meet(this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]));
    else this.#read(chunk);
  }

  /** The first four bytes of a connection are a command, a sane length, or somebody at the wrong door. */
  #meet(head: Buffer): void {
    if (head.length < 4) return this.#wait(head);
    const word = head.toString('latin1', 0, 4);
    if (word === TELNET_CLOSE) return this.#end();
    if (isCommandWord(word)) return this.#command(word, head);
    const length = head.readInt32BE(0);
    if (length < 0 || length > this.#host.maxFrameBytes) return this.#refuse(this.#describeHead(head, length));
    this.#head = Buffer.alloc(0);
    this.#reader = new FrameReader(this.#host.maxFrameBytes, (frame) => this.#deliver(frame));
    this.#read(head);
  }

  #wait(head: Buffer): void {
    this.#head = Buffer.from(head);
  }

  #command(word: string, head: Buffer): void {
    if (word === 'stmk' && head.length < 4 + STMK_ARGUMENT_BYTES) return this.#wait(head);
    this.#writer.send(Buffer.from(this.#host.answerCommand(word, head.subarray(4), this), 'utf8'));
    this.#end();
  }

  #describeHead(head: Buffer, length: number): string {
    const visitor = recogniseVisitor(head);
    if (visitor !== null) return `${visitor} (${describeBytes(head)})`;
    return `a length of ${length} bytes, the limit is jute.maxbuffer=${this.#host.maxFrameBytes} (${describeBytes(head)})`;
  }

  #read(chunk: Buffer): void {
    const reader = this.#reader;
    try {
      if (reader !== null) this.#host.together(() => reader.push(chunk));
    } catch (error) {
      this.#refuse(error instanceof Error ? error.message : String(error));
    }
  }

  #deliver(frame: Buffer): void {
    if (this.#pausedByPeer || this.#backlog.length > 0) this.#backlog.push(Buffer.from(frame));
    else this.#host.feed({ kind: 'frame', link: this, frame });
  }

  #catchUp(): void {
    let taken = 0;
    while (this.#isOpen && !this.#pausedByPeer && taken < this.#backlog.length) {
      this.#host.feed({ kind: 'frame', link: this, frame: this.#backlog[taken++] as Buffer });
    }
    this.#backlog.splice(0, taken);
    this.#readAgain();
  }

  #flushed(): void {
    if (this.#isSlow || this.#writer.bufferedBytes <= SLOW_CONSUMER_BYTES) return;
    this.#isSlow = true;
    this.#socket.pause();
  }

  #drained(): void {
    this.#isSlow = false;
    this.#readAgain();
  }

  #readAgain(): void {
    if (this.#isOpen && !this.#pausedByPeer && !this.#isSlow) this.#socket.resume();
  }

  #refuse(reason: string): void {
    this.#host.refused(this, reason);
    this.#host.feed({ kind: 'clientClosed', link: this });
    this.destroy();
  }

  /** A close of ours that the peer did not ask for. */
  #end(): void {
    this.#host.feed({ kind: 'clientClosed', link: this });
    this.close('');
  }

  #lost(): void {
    if (this.#isOpen) this.#host.feed({ kind: 'clientClosed', link: this });
    this.#leave();
  }

  #leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#reader?.close();
    this.#backlog = [];
    this.#host.gone(this);
  }
}

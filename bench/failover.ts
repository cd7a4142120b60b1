/**
 * How long writes stand still when the leader of three servers is killed with -9, or told to stop (`--signal SIGTERM`): from
 * the signal to the first write that a survivor acknowledges under the next leader, with a client that dials a survivor
 * again every few milliseconds.
 *
 *   npm run build && node bench/dist/failover.js [--kills 20] [--signal SIGTERM] [--against apache]
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { apache, ours, requireApache, Servers, type Contender } from './contenders.ts';
import { connectFrame, createFrame } from './load/frames.ts';
import { describeMachine } from './machine.ts';
import { spreadOf } from './statistics.ts';

type Signal = 'SIGKILL' | 'SIGTERM';

const RETRY_MS = 3;
const SESSION_TIMEOUT_MS = 30_000;
const REPLY_HEAD_BYTES = 20;
const OFFSET_OF_ZXID = 8;
const SETTLE_MS = 1500;
/** A write that is not answered by then went to a server that does not know yet that its leader is gone. */
const ANSWER_MS = 1000;

/** Writes to one server until it has acknowledged a write in a new epoch: dials it again whenever it hangs up. */
class Persistent {
  readonly #port: number;
  readonly #formerEpoch: number;
  readonly #acknowledged: (at: number) => void;
  readonly #frames: Buffer;
  #socket: Socket | null = null;
  #stopped = false;

  constructor(port: number, formerEpoch: number, path: string, acknowledged: (at: number) => void) {
    this.#port = port;
    this.#formerEpoch = formerEpoch;
    this.#acknowledged = acknowledged;
    this.#frames = Buffer.concat([connectFrame(SESSION_TIMEOUT_MS), createFrame(path, Buffer.from('x'))]);
    this.#dial();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.destroy();
  }

  #dial(): void {
    if (this.#stopped) return;
    let received = Buffer.alloc(0);
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true, timeout: ANSWER_MS });
    this.#socket = socket;
    socket.on('connect', () => socket.write(this.#frames));
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(() => this.#dial(), RETRY_MS));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (isAcknowledged(received, this.#formerEpoch)) this.#acknowledged(performance.now());
    });
  }
}

/** The session's frame, then the reply to the write, which carries a zxid of a later epoch and no error. */
function isAcknowledged(received: Buffer, formerEpoch: number): boolean {
  if (received.length < 4) return false;
  const reply = 4 + received.readInt32BE(0);
  return received.length >= reply + REPLY_HEAD_BYTES && received.readInt32BE(reply + OFFSET_OF_ZXID) > formerEpoch && received.readInt32BE(reply + 16) === 0;
}

/** @returns ms from the kill to the first acknowledged write. All three serve again then. */
async function failover(servers: Servers, signal: Signal, round: number): Promise<number> {
  const { epoch, survivors, revive } = await servers.endLeader(signal);
  const killedAt = performance.now();
  let writers: Persistent[] = [];
  const acknowledgedAt = await new Promise<number>((resolve) => {
    writers = survivors.map((port) => new Persistent(port, epoch, `/after-kill-${round}-${port}`, resolve));
  });
  for (const writer of writers) writer.stop();
  await revive();
  return acknowledgedAt - killedAt;
}

async function measure(contender: Contender, signal: Signal, kills: number): Promise<void> {
  const servers = await Servers.start(contender, 3);
  try {
    const times: number[] = [];
    for (let round = 0; round < kills; round++) {
      await delay(SETTLE_MS); // the ensemble is at rest, as one that has led for a while
      times.push(await failover(servers, signal, round));
    }
    const { median, max } = spreadOf(times);
    const rounded = times.map((ms) => Math.round(ms)).join(' ');
    process.stdout.write(`${contender.name}: median ${Math.round(median)} ms, worst ${Math.round(max)} ms (${rounded})\n`);
  } finally {
    await servers.stop();
  }
}

const { values } = parseArgs({ options: { kills: { type: 'string', default: '20' }, against: { type: 'string' }, signal: { type: 'string', default: 'SIGKILL' } } });
const signal: Signal = values.signal === 'SIGTERM' ? 'SIGTERM' : 'SIGKILL';
const how = signal === 'SIGTERM' ? 'told to stop' : 'killed with -9';
if (values.against !== undefined) requireApache();
process.stdout.write(`${describeMachine(values.against !== undefined)}\nleader ${how}, tickTime 2000: from the signal to the first acknowledged write\n`);
for (const contender of [ours(), ...(values.against === undefined ? [] : [apache])]) await measure(contender, signal, Number(values.kills));

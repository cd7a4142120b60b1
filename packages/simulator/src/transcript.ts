import type { TraceEvent } from '@zk/peer';
import { PacketType, QuorumStreamReader, collectImage, describePacket, hex, type Sid } from '@zk/protocol';
import type { LinkWatcher } from './network.ts';
import type { NodeObserver, SimNode } from './node.ts';
import type { Scheduler } from './scheduler.ts';

/** What is said once per request or per ping would hide the rest. */
const QUIET: ReadonlySet<number> = new Set([PacketType.PING, PacketType.REQUEST, PacketType.REVALIDATE]);

/** Tells what happens, one line each, to whoever wants to understand a seed. */
export class Transcript {
  readonly #scheduler: Scheduler;
  readonly #say: (line: string) => void;

  constructor(scheduler: Scheduler, say: (line: string) => void) {
    this.#scheduler = scheduler;
    this.#say = say;
  }

  tell(line: string): void {
    this.#say(`${this.#scheduler.now.toFixed(1).padStart(9)} ${line}`);
  }

  /** What `observer` is told is told here first. */
  before(observer: NodeObserver): NodeObserver {
    return {
      traced: (node, event) => {
        if (event.kind !== 'session' && event.kind !== 'clientRefused') this.tell(`server.${node.sid} ${describe(event)}`);
        observer.traced(node, event);
      },
      committed: (node, zxid, bytes) => observer.committed(node, zxid, bytes),
      healed: (node) => observer.healed(node),
      interrupted: (node, what) => {
        this.tell(`server.${node.sid} dies with ${what.kept + what.lost} operations of its disk unsynced; ${what.kept} survive${what.torn ? ', the next is torn' : ''}`);
        observer.interrupted(node, what);
      },
      written: (node, by) => {
        const { epochs, image } = node.disk.durable;
        this.tell(`server.${node.sid} disk ${by} ${hex(node.disk.lastZxid)} image ${image ? hex(image.zxid) : 'none'} epochs ${epochs?.accepted}/${epochs?.current}`);
        observer.written(node, by);
      },
    };
  }

  link(learner: SimNode, leader: SimNode, audit: LinkWatcher): LinkWatcher {
    const streams = { learner: new QuorumStreamReader(collectImage), leader: new QuorumStreamReader(collectImage) };
    const arrows: Record<'learner' | 'leader', [Sid, Sid]> = { learner: [learner.sid, leader.sid], leader: [leader.sid, learner.sid] };
    return {
      sent: (by, bytes) => {
        const [from, to] = arrows[by];
        for (const item of streams[by].push(bytes)) {
          if (item.kind === 'packet' && !QUIET.has(item.packet.type)) this.tell(`${from} → ${to} ${describePacket(item.packet)}`);
        }
        audit.sent(by, bytes);
      },
    };
  }
}

function describe(event: TraceEvent): string {
  const { kind, ...facts } = event;
  return `${kind} ${JSON.stringify(facts, (_key, value: unknown) => (typeof value === 'bigint' ? hex(value) : value))}`;
}

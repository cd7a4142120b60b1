import { PacketType, QuorumStreamReader, collectImage, counterOf, epochOf, hex, packetName, asZxid, type QuorumPacket } from '@zk/protocol';
import { bytesAt } from './disk.ts';
import type { LinkWatcher } from './network.ts';
import type { SimNode } from './node.ts';
import { check } from './violation.ts';

const FROM_LEARNER: ReadonlySet<number> = new Set([
  PacketType.FOLLOWERINFO, PacketType.OBSERVERINFO, PacketType.ACKEPOCH, PacketType.ACK, PacketType.PING, PacketType.REQUEST, PacketType.REVALIDATE,
]);
const FROM_LEADER: ReadonlySet<number> = new Set([
  PacketType.LEADERINFO, PacketType.DIFF, PacketType.TRUNC, PacketType.SNAP, PacketType.NEWLEADER, PacketType.UPTODATE, PacketType.PROPOSAL,
  PacketType.COMMIT, PacketType.INFORM, PacketType.PING, PacketType.SYNC, PacketType.REVALIDATE, PacketType.COMMITANDACTIVATE, PacketType.INFORMANDACTIVATE,
]);

/** What all links of an ensemble have in common. */
export interface Broadcasts {
  /** @throws Violation when the same zxid was proposed with other bytes */
  proposed(zxid: bigint, bytes: Buffer): void;
  imageSent(leader: SimNode, zxid: bigint): void;
  /** A leader whose epoch a quorum has promised. */
  announced(leader: SimNode, epoch: bigint): void;
}

/**
 * Reads along on one quorum link, from its first byte: each packet is held, as it leaves, against the disk of whoever
 * sends it and against what went before on this link (quorum.md 18.1: AckDurable, PromiseKept, NoForeignPacket,
 * CommitKnown, LearnerEqualsLeader, ZxidUnique).
 */
export class LinkAudit implements LinkWatcher {
  readonly #learner: SimNode;
  readonly #leader: SimNode;
  readonly #broadcasts: Broadcasts;
  readonly #streams = { learner: new QuorumStreamReader(collectImage), leader: new QuorumStreamReader(collectImage) };
  /** The leader's, once it said so. */
  #epoch = -1n;
  #claimed = 0n;
  /** Where the learner's history ends that the leader goes on from; what is sent up to it is not new. */
  #base = 0n;
  #lastSent = 0n;
  readonly #uncommitted: bigint[] = [];

  constructor(learner: SimNode, leader: SimNode, broadcasts: Broadcasts) {
    this.#learner = learner;
    this.#leader = leader;
    this.#broadcasts = broadcasts;
  }

  sent(by: 'learner' | 'leader', bytes: Buffer): void {
    for (const item of this.#streams[by].push(bytes)) {
      if (item.kind !== 'packet') continue;
      if (by === 'learner') this.#fromLearner(item.packet);
      else this.#fromLeader(item.packet);
    }
  }

  #fromLearner(packet: QuorumPacket): void {
    this.#check(FROM_LEARNER.has(packet.type), 'NoForeignPacket', packet, 'came from a learner');
    const { durable } = this.#learner.disk;
    switch (packet.type) {
      case PacketType.ACKEPOCH:
        this.#claimed = packet.zxid;
        this.#check(durable.epochs?.accepted === this.#epoch, 'PromiseKept', packet, `promises epoch ${this.#epoch}, on disk is ${durable.epochs?.accepted}`);
        return this.#check(this.#learner.disk.lastZxid >= packet.zxid, 'AckDurable', packet, `the log ends at ${hex(this.#learner.disk.lastZxid)}`);
      case PacketType.ACK:
        this.#check(durable.epochs?.accepted === this.#epoch, 'PromiseKept', packet, `epoch ${durable.epochs?.accepted} was promised meanwhile`);
        if (counterOf(asZxid(packet.zxid)) === 0n) return this.#ackOfNewLeader(packet);
        return this.#check(this.#learner.disk.has(asZxid(packet.zxid)), 'AckDurable', packet, 'is not on disk');
    }
  }

  #ackOfNewLeader(packet: QuorumPacket): void {
    const { disk } = this.#learner;
    const leader = this.#leader.disk;
    this.#check(disk.durable.epochs?.current === this.#epoch, 'AckDurable', packet, `currentEpoch on disk is ${disk.durable.epochs?.current}`);
    if (!this.#leader.alive || leader.durable.epochs?.current !== this.#epoch) return; // nothing left to compare with
    const from = leader.durable.image?.zxid ?? 0n;
    for (const { zxid, bytes } of disk.durable.log) {
      if (zxid <= from || zxid > leader.lastZxid) continue;
      this.#check(bytesAt(leader.durable.log, zxid)?.equals(bytes) ?? false, 'LearnerEqualsLeader', packet, `${hex(zxid)} is not the leader's`);
    }
  }

  #fromLeader(packet: QuorumPacket): void {
    this.#check(FROM_LEADER.has(packet.type), 'NoForeignPacket', packet, 'came from a leader');
    const { epochs } = this.#leader.disk.durable;
    switch (packet.type) {
      case PacketType.LEADERINFO:
        this.#epoch = epochOf(asZxid(packet.zxid));
        return this.#check((epochs?.accepted ?? -1n) >= this.#epoch, 'PromiseKept', packet, `accepted on disk is ${epochs?.accepted}`);
      case PacketType.DIFF:
        return this.#begin(this.#claimed);
      case PacketType.SNAP:
        this.#broadcasts.imageSent(this.#leader, packet.zxid);
        return this.#begin(packet.zxid);
      case PacketType.TRUNC:
        return this.#begin(packet.zxid);
      case PacketType.NEWLEADER:
        this.#broadcasts.announced(this.#leader, this.#epoch);
        return this.#check(epochs?.current === this.#epoch, 'PromiseKept', packet, `currentEpoch on disk is ${epochs?.current}`);
      case PacketType.PROPOSAL:
        if (this.#extends(packet)) this.#uncommitted.push(packet.zxid);
        return;
      case PacketType.INFORM:
        return void this.#extends(packet);
      case PacketType.COMMIT:
        if (packet.zxid <= this.#base) return;
        return this.#check(this.#uncommitted.shift() === packet.zxid, 'CommitKnown', packet, 'is not the oldest pending proposal');
    }
  }

  #begin(base: bigint): void {
    this.#base = base;
    this.#lastSent = base;
  }

  /** False for what the learner has already. */
  #extends(packet: QuorumPacket): boolean {
    const { zxid, data } = packet;
    if (data) this.#broadcasts.proposed(zxid, data);
    if (zxid <= this.#base) return false;
    const [now, before] = [asZxid(zxid), asZxid(this.#lastSent)];
    const isNext = now === before + 1n || (epochOf(now) > epochOf(before) && counterOf(now) === 1n);
    this.#check(isNext, 'Contiguous', packet, `follows ${hex(before)} on the link`);
    this.#lastSent = zxid;
    return true;
  }

  #check(holds: boolean, rule: string, packet: QuorumPacket, detail: string): void {
    check(holds, rule, () => `${packetName(packet.type)} ${hex(packet.zxid)} between server.${this.#learner.sid} and its leader server.${this.#leader.sid}: ${detail}`);
  }
}

import { Writer, type Reader } from '@zk/jute';
import {
  CheckVersionRequest, Create2Response, CreateRequest, CreateTTLRequest, DeleteRequest, ExistsRequest, ExistsResponse, GetChildren2Request,
  GetChildren2Response, GetDataRequest, GetDataResponse, MultiHeader, OPEN_ACL, OpCode, SetDataRequest, SetDataResponse, SyncRequest, errorName,
  type Stat,
} from '@zk/protocol';
import type { WriteRequest } from './write-checker.ts';
import { SimSession, type Outcome } from './sim-session.ts';

/** Bits of CreateRequest.flags, and the modes that are more than bits (client.md 2.7). */
export const CreateMode = { EPHEMERAL: 1, SEQUENTIAL: 2, CONTAINER: 4, TTL: 5 } as const;

/** One part of a multi. */
export type Part = Pick<WriteRequest, 'kind' | 'path' | 'data' | 'version'>;

/** A client of the simulated ensemble: what it asks for and what comes back goes to the checkers. */
export class SimClient extends SimSession {
  /** @param ttlMs for CreateMode.TTL */
  create(path: string, data: string, done: (outcome: Outcome<string>) => void, flags = 0, ttlMs = 0): void {
    const request = { path, data: Buffer.from(data), acl: [...OPEN_ACL], flags };
    const write = this.checkers.writeBegins(this, { kind: 'create', path, data, flags, version: -1 });
    const created = (outcome: Outcome<Create2Response>, zxid: bigint): void => {
      write.ends(outcome, zxid, 'ok' in outcome ? outcome.ok.path : path);
      done('ok' in outcome ? { ok: outcome.ok.path } : outcome);
    };
    if (flags === CreateMode.TTL) this.call(OpCode.createTTL, CreateTTLRequest, { ...request, ttl: BigInt(ttlMs) }, Create2Response, created);
    else this.call(flags === CreateMode.CONTAINER ? OpCode.createContainer : OpCode.create2, CreateRequest, request, Create2Response, created);
  }

  setData(path: string, data: string, version: number, done: (outcome: Outcome<Stat>) => void): void {
    const write = this.checkers.writeBegins(this, { kind: 'setData', path, data, flags: 0, version });
    this.call(OpCode.setData, SetDataRequest, { path, data: Buffer.from(data), version }, SetDataResponse, (outcome, zxid) => {
      write.ends(outcome, zxid, path);
      done('ok' in outcome ? { ok: outcome.ok.stat } : outcome);
    });
  }

  delete(path: string, version: number, done: (outcome: Outcome<null>) => void): void {
    const write = this.checkers.writeBegins(this, { kind: 'delete', path, data: '', flags: 0, version });
    this.call(OpCode.delete, DeleteRequest, { path, version }, null, (outcome, zxid) => {
      write.ends(outcome, zxid, path);
      done('ok' in outcome ? { ok: null } : outcome);
    });
  }

  /** All of them or none. The error is that of the first part. */
  multi(parts: readonly Part[], done: (outcome: Outcome<null>) => void): void {
    const write = this.checkers.writeBegins(this, { kind: 'multi', path: '', data: '', flags: 0, version: -1, parts });
    const settle = (err: number, body: Reader, zxid: bigint): void => {
      const code = err === 0 ? firstError(body) : err;
      const outcome = code === 0 ? { ok: null } : { error: errorName(code) ?? String(code) };
      write.ends(outcome, zxid, '');
      done(outcome);
    };
    this.send(OpCode.multi, encodeParts(parts), settle, () => done({ error: 'CONNECTIONLOSS' }));
  }

  getData(path: string, watch: boolean, done: (outcome: Outcome<{ data: string; stat: Stat }>) => void): void {
    this.call(OpCode.getData, GetDataRequest, { path, watch }, GetDataResponse, (outcome, zxid) => {
      const data = 'ok' in outcome ? String(outcome.ok.data ?? '') : null;
      // NONODE sets no watch: what is not there cannot be watched by reading it.
      this.#shown(path, outcome, data, zxid, watch && 'ok' in outcome);
      done('ok' in outcome ? { ok: { data: String(outcome.ok.data ?? ''), stat: outcome.ok.stat } } : outcome);
    });
  }

  exists(path: string, watch: boolean, done: (outcome: Outcome<Stat>) => void): void {
    this.call(OpCode.exists, ExistsRequest, { path, watch }, ExistsResponse, (outcome, zxid) => {
      this.#shown(path, outcome, null, zxid, watch);
      done('ok' in outcome ? { ok: outcome.ok.stat } : outcome);
    });
  }

  getChildren(path: string, done: (outcome: Outcome<string[]>) => void, watch = false): void {
    this.call(OpCode.getChildren2, GetChildren2Request, { path, watch }, GetChildren2Response, (outcome, zxid) => {
      if ('ok' in outcome) this.checkers.listed(this, path, outcome.ok.children.length, zxid, watch);
      done('ok' in outcome ? { ok: outcome.ok.children } : outcome);
    });
  }

  sync(done: (outcome: Outcome<null>) => void): void {
    this.call(OpCode.sync, SyncRequest, { path: '/' }, null, (outcome) => done('ok' in outcome ? { ok: null } : outcome));
  }

  #shown(path: string, outcome: Outcome<{ stat: Stat }>, data: string | null, zxid: bigint, watch: boolean): void {
    if ('ok' in outcome) this.checkers.read(this, path, { mzxid: outcome.ok.stat.mzxid, version: outcome.ok.stat.version, data, zxid }, watch);
    else if (outcome.error === 'NONODE') this.checkers.read(this, path, { mzxid: null, version: null, data: null, zxid }, watch);
  }
}

function encodeParts(parts: readonly Part[]): Buffer {
  const writer = new Writer(256);
  for (const part of parts) {
    const { path, version } = part;
    const data = Buffer.from(part.data);
    if (part.kind === 'check') {
      MultiHeader.write(writer, { type: OpCode.check, done: false, err: -1 });
      CheckVersionRequest.write(writer, { path, version });
    } else if (part.kind === 'setData') {
      MultiHeader.write(writer, { type: OpCode.setData, done: false, err: -1 });
      SetDataRequest.write(writer, { path, data, version });
    } else if (part.kind === 'create') {
      MultiHeader.write(writer, { type: OpCode.create, done: false, err: -1 });
      CreateRequest.write(writer, { path, data, acl: [...OPEN_ACL], flags: 0 });
    } else {
      MultiHeader.write(writer, { type: OpCode.delete, done: false, err: -1 });
      DeleteRequest.write(writer, { path, version });
    }
  }
  MultiHeader.write(writer, { type: -1, done: true, err: -1 });
  return writer.finish();
}

/** 0 where every part was done: then the first result is not an error's (client.md 2.8). */
function firstError(body: Reader): number {
  const { type } = MultiHeader.read(body);
  if (type !== OpCode.error) return 0;
  for (let header = { done: false }; !header.done; header = MultiHeader.read(body)) {
    const err = body.int();
    if (err !== 0) return err;
  }
  return 0;
}

import { decodeTxn, hex, parentOf, type TxnBody, OpCode } from '@zk/protocol';
import type { History } from './committed-history.ts';
import type { Model } from './model.ts';
import type { Outcome } from './sim-session.ts';
import { check } from './violation.ts';

export interface WriteRequest {
  readonly kind: 'create' | 'setData' | 'delete' | 'check' | 'multi';
  readonly path: string;
  readonly data: string;
  readonly flags: number;
  /** Only if the znode has this version; −1: any. */
  readonly version: number;
  /** Of a multi. */
  readonly parts?: readonly Pick<WriteRequest, 'kind' | 'path' | 'data' | 'version'>[];
}

interface Acknowledged extends WriteRequest {
  readonly zxid: bigint;
  readonly finalPath: string;
  readonly client: string;
}

/** The outcome of one write, as its client learns it. */
export interface WriteInProgress {
  ends(outcome: Outcome<unknown>, zxid: bigint, finalPath: string): void;
}

/**
 * Writes are linearizable: there is one order of txns (committed-history.ts), every answer is true at its place in it, and
 * a write that began after another was acknowledged comes later.
 */
export class WriteChecker {
  readonly #history: History;
  readonly #model: Model;
  readonly #acknowledged: Acknowledged[] = [];
  /** Highest zxid any client has been told of: a write that begins later must come after it. */
  #upTo = 0n;

  constructor(history: History, model: Model) {
    this.#history = history;
    this.#model = model;
  }

  get count(): number {
    return this.#acknowledged.length;
  }

  begins(client: string, request: WriteRequest): WriteInProgress {
    const floor = this.#upTo;
    return {
      ends: (outcome, zxid, finalPath) => {
        if ('error' in outcome) return this.#refused(client, request, outcome.error, zxid);
        check(zxid > floor, 'Linearizable', () => `${client}: ${request.kind} ${finalPath} at ${hex(zxid)}, after ${hex(floor)} was acknowledged`);
        if (zxid > this.#upTo) this.#upTo = zxid;
        this.#conditionHeld(client, request, zxid);
        this.#acknowledged.push({ ...request, zxid, finalPath, client });
      },
    };
  }

  /** Nothing that was acknowledged is missing. */
  atRest(): void {
    for (const write of this.#acknowledged) this.#inHistory(write);
  }

  /** A write that asked for a version came right after that version. */
  #conditionHeld(client: string, { kind, path, version }: WriteRequest, zxid: bigint): void {
    if (version < 0) return;
    const before = this.#model.at(path, zxid - 1n)?.version;
    check(before === version, 'Linearizable', () => `${client}: ${kind} ${path} of version ${version} at ${hex(zxid)} found version ${before}`);
  }

  /** Why a write was not done is true where it was not done. Other errors are of the connection, or of the moment. */
  #refused(client: string, { kind, path, version }: WriteRequest, error: string, zxid: bigint): void {
    const found = this.#model.at(path, zxid);
    const claim = (holds: boolean): void => {
      check(holds, 'ErrorsAreTrue', () => `${client}: ${kind} ${path} of version ${version} failed with ${error} at ${hex(zxid)}, where its version is ${found?.version}`);
    };
    if (kind === 'multi') return;
    if (error === 'NODEEXISTS') claim(found !== null);
    else if (error === 'BADVERSION') claim(found !== null && found.version !== version);
    else if (error === 'NONODE') claim((kind === 'create' ? this.#model.at(parentOf(path), zxid) : found) === null);
  }

  #inHistory(write: Acknowledged): void {
    const bytes = this.#history.bytesOf(write.zxid);
    check(bytes !== undefined, 'AcknowledgedIsDurable', () => `${write.client}: ${write.kind} ${write.finalPath} at ${hex(write.zxid)} was acknowledged and is gone`);
    check(does(decodeTxn(bytes).body, write), 'AcknowledgedIsDurable', () => `${hex(write.zxid)} is not ${write.kind} ${write.finalPath}`);
  }
}

/** Whether the committed txn is what the client was told. */
function does(body: TxnBody, { kind, finalPath, data, parts }: Acknowledged): boolean {
  if (kind !== 'multi') return isPart(body, kind, finalPath, data);
  return body.type === OpCode.multi && body.txns.every((txn, i) => {
    const part = parts?.[i];
    return part !== undefined && isPart(txn, part.kind, part.path, part.data);
  });
}

function isPart(body: TxnBody, kind: WriteRequest['kind'], path: string, data: string): boolean {
  if (!('path' in body) || body.path !== path) return false;
  return kind === 'delete' || kind === 'check' || ('data' in body && String(body.data) === data);
}

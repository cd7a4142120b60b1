import {
  createFrame, deleteFrame, existsFrame, getChildrenFrame, getDataFrame, multiSetFrame, setDataFrame,
} from './frames.ts';
import { Cycle, type RequestSource } from './request-source.ts';

/** What each connection asks for, one after the other. */
export type Workload =
  | { readonly kind: 'get' | 'exists' | 'set'; readonly valueBytes: number }
  /** `writes` of 100 requests are sets, the others gets. */
  | { readonly kind: 'mixed'; readonly valueBytes: number; readonly writes: number }
  /** `multis` of 100 requests are multis of three sets, the others gets. */
  | { readonly kind: 'multi'; readonly valueBytes: number; readonly multis: number }
  | { readonly kind: 'create' | 'createDelete'; readonly valueBytes: number }
  | { readonly kind: 'children'; readonly count: number };

export const ROOT = '/bench';
/** As many znodes as reads and sets are spread over. */
const KEYS = 1000;
const DIGITS = 12;

/** 40 bytes long. */
export const keyPath = (key: number): string => `${ROOT}/a-znode-with-a-path-of-forty-${String(key).padStart(4, '0')}`;
const parentPath = (count: number): string => `${ROOT}/parent-of-${count}`;

/** What has to be there first, as requests in order. Running it again does no harm (NODEEXISTS). */
export function preparations(workload: Workload): Buffer[] {
  if (workload.kind === 'children') return parentWithChildren(workload.count);
  const value = valueOf(workload.valueBytes);
  const keys = Array.from({ length: KEYS }, (_, key) => keyPath(key));
  return [createFrame(ROOT, Buffer.alloc(0)), ...keys.map((path) => createFrame(path, value)), ...keys.map((path) => setDataFrame(path, value))];
}

function parentWithChildren(count: number): Buffer[] {
  const parent = parentPath(count);
  const empty = Buffer.alloc(0);
  const children = Array.from({ length: count }, (_, child) => createFrame(`${parent}/child-${String(child).padStart(10, '0')}`, empty));
  return [createFrame(ROOT, empty), createFrame(parent, empty), ...children];
}

/** Makes the sources of a workload's connections; `run` keeps the znodes of one run apart from those of another. */
export function sourcesOf(workload: Workload, run: string): (connection: number) => RequestSource {
  switch (workload.kind) {
    case 'get':
      return shuffled(keyFrames((path) => getDataFrame(path)));
    case 'exists':
      return shuffled(keyFrames(existsFrame));
    case 'set':
      return shuffled(setFrames(workload.valueBytes));
    case 'mixed':
      return blend(keyFrames((path) => getDataFrame(path)), setFrames(workload.valueBytes), workload.writes);
    case 'multi':
      return blend(keyFrames((path) => getDataFrame(path)), multiFrames(workload.valueBytes), workload.multis);
    case 'children': {
      const frames = [getChildrenFrame(parentPath(workload.count))];
      return () => new Cycle(frames, 0);
    }
    case 'create':
      return (connection) => new Creator(run, connection, workload.valueBytes, false);
    case 'createDelete':
      return (connection) => new Creator(run, connection, workload.valueBytes, true);
  }
}

/** A create of a new path each time; with `deletes`, followed by its delete. */
class Creator implements RequestSource {
  readonly maxFrameBytes: number;
  readonly #create: Buffer;
  readonly #delete: Buffer | null;
  readonly #createDigits: number;
  readonly #deleteDigits: number;
  #number = 0;
  #deleteIsNext = false;

  constructor(run: string, connection: number, valueBytes: number, deletes: boolean) {
    const prefix = `${ROOT}/${run}-${String(connection).padStart(4, '0')}-`;
    const path = prefix + '0'.repeat(DIGITS);
    this.#create = createFrame(path, valueOf(valueBytes));
    this.#delete = deletes ? deleteFrame(path) : null;
    this.#createDigits = this.#create.indexOf(prefix) + prefix.length;
    this.#deleteDigits = this.#delete === null ? 0 : this.#delete.indexOf(prefix) + prefix.length;
    this.maxFrameBytes = this.#create.length;
  }

  put(target: Buffer, offset: number): number {
    if (this.#delete !== null && this.#deleteIsNext) {
      this.#deleteIsNext = false;
      return this.#put(this.#delete, this.#deleteDigits, target, offset);
    }
    this.#number += 1;
    this.#deleteIsNext = this.#delete !== null;
    return this.#put(this.#create, this.#createDigits, target, offset);
  }

  #put(frame: Buffer, digits: number, target: Buffer, offset: number): number {
    target.set(frame, offset);
    let rest = this.#number;
    for (let at = offset + digits + DIGITS - 1; rest > 0; at--) {
      target[at] = 0x30 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    return offset + frame.length;
  }
}

function keyFrames(make: (path: string) => Buffer): Buffer[] {
  return Array.from({ length: KEYS }, (_, key) => make(keyPath(key)));
}

function setFrames(valueBytes: number): Buffer[] {
  const value = valueOf(valueBytes);
  return keyFrames((path) => setDataFrame(path, value));
}

function multiFrames(valueBytes: number): Buffer[] {
  const value = valueOf(valueBytes);
  return Array.from({ length: KEYS }, (_, key) => multiSetFrame([key, key + 1, key + 2].map((k) => keyPath(k % KEYS)), value));
}

/** The same order for every run, another beginning for every connection. */
function shuffled(frames: readonly Buffer[]): (connection: number) => RequestSource {
  const order = frames.map((_, index) => frames[(index * 617) % frames.length]!);
  return (connection) => new Cycle(order, connection * 97);
}

/** Spread evenly: 20 of 100 is every fifth. */
function blend(reads: readonly Buffer[], writes: readonly Buffer[], percent: number): (connection: number) => RequestSource {
  const frames = reads.map((read, index) => {
    const isWrite = Math.floor(((index + 1) * percent) / 100) > Math.floor((index * percent) / 100);
    return (isWrite ? writes : [read])[isWrite ? (index * 617) % writes.length : 0]!;
  });
  return (connection) => new Cycle(frames, connection * 97);
}

function valueOf(bytes: number): Buffer {
  return Buffer.alloc(bytes, 'value-');
}

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
  /** The same, over a tree of so many thousands that {@link fillFrames} has made, drawn at random. */
  | { readonly kind: 'scattered'; readonly valueBytes: number; readonly writes: number; readonly thousands: number }
  | { readonly kind: 'create' | 'createDelete'; readonly valueBytes: number }
  | { readonly kind: 'children'; readonly count: number };

export const ROOT = '/bench';
/** As many znodes as reads and sets are spread over. */
const KEYS = 1000;
const DIGITS = 12;
const FILL_DIGITS = 6;
/** Where the path of a request begins: length, xid, type and the path's length come first. */
const PATH_OFFSET = 16;

/** 40 bytes long. */
export const keyPath = (key: number): string => `${ROOT}/a-znode-with-a-path-of-forty-${String(key).padStart(4, '0')}`;
const parentPath = (count: number): string => `${ROOT}/parent-of-${count}`;

/** What has to be there first, as requests in order. Running it again does no harm (NODEEXISTS). */
export function preparations(workload: Workload): Buffer[] {
  if (workload.kind === 'children') return parentWithChildren(workload.count);
  if (workload.kind === 'scattered') return [];
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

const fillParent = (thousand: number): string => `${ROOT}/fill-${String(thousand).padStart(FILL_DIGITS, '0')}`;
const fillChild = (thousand: number, child: number): string => `${fillParent(thousand)}/a-child-with-40-b-${String(child).padStart(3, '0')}`;

/** What comes before any thousand of a large tree. */
export function fillRoot(): Buffer[] {
  return [createFrame(ROOT, Buffer.alloc(0))];
}

/** A parent and a thousand children with paths of 40 bytes. */
export function fillFrames(thousand: number, valueBytes: number): Buffer[] {
  const value = valueOf(valueBytes);
  return [createFrame(fillParent(thousand), value), ...Array.from({ length: 1000 }, (_, child) => createFrame(fillChild(thousand, child), value))];
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
    case 'scattered':
      return (connection) => new Scattered(workload, connection + 1);
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
    putDigits(target, offset + digits + DIGITS, this.#number);
    return offset + frame.length;
  }
}

/** Gets and sets of znodes drawn at random; a number is put into a frame where its path has digits. */
class Scattered implements RequestSource {
  readonly maxFrameBytes: number;
  readonly #get = getDataFrame(fillChild(0, 0));
  readonly #set: Buffer;
  readonly #writes: number;
  readonly #thousands: number;
  #random: number;
  #count = 0;

  constructor({ valueBytes, writes, thousands }: Extract<Workload, { kind: 'scattered' }>, seed: number) {
    this.#set = setDataFrame(fillChild(0, 0), valueOf(valueBytes));
    this.maxFrameBytes = this.#set.length;
    this.#writes = writes;
    this.#thousands = thousands;
    this.#random = seed;
  }

  put(target: Buffer, offset: number): number {
    this.#count += 1;
    const isWrite = Math.floor((this.#count * this.#writes) / 100) > Math.floor(((this.#count - 1) * this.#writes) / 100);
    const frame = isWrite ? this.#set : this.#get;
    target.set(frame, offset);
    const pathAt = offset + PATH_OFFSET;
    putDigits(target, pathAt + fillParent(0).length, this.#draw() % this.#thousands);
    putDigits(target, pathAt + fillChild(0, 0).length, this.#draw() % 1000);
    return offset + frame.length;
  }

  /** Numerical Recipes' linear congruential generator; its high bits are the good ones. */
  #draw(): number {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    return this.#random >>> 8;
  }
}

/** The decimal digits of a number, so that the last one lies before `end`. */
function putDigits(target: Buffer, end: number, number: number): void {
  for (let at = end - 1, rest = number; rest > 0; at--) {
    target[at] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
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

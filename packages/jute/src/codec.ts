import { JuteError } from './errors.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** How a T travels. Everything is declared with these; {@link encode} and {@link decode} run them. */
export interface Codec<T> {
  /** As error messages say it: `ustring`, `vector<ACL>`, `CreateRequest`. */
  readonly name: string;
  /** What it is made of: for compiling records and for generating values. */
  readonly shape: Shape;
  /** The fewest bytes a value takes. */
  readonly minBytes: number;
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

export type Primitive = 'byte' | 'bool' | 'int' | 'long' | 'buffer' | 'ustring';

export type Shape =
  | { readonly kind: Primitive }
  | { readonly kind: 'nullable'; readonly of: Codec<unknown> }
  | { readonly kind: 'trailing'; readonly of: Codec<unknown> }
  | { readonly kind: 'vector'; readonly of: Codec<unknown> }
  | { readonly kind: 'record'; readonly fields: Fields };

export type Fields = { readonly [field: string]: Codec<unknown> };

/** The values a codec reads and writes. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

function primitive<T>(kind: Primitive, minBytes: number, read: (r: Reader) => T, write: (w: Writer, v: T) => void): Codec<T> {
  return { name: kind, shape: { kind }, minBytes, read, write };
}

export const byte = primitive<number>('byte', 1, (r) => r.byte(), (w, v) => w.byte(v));
export const bool = primitive<boolean>('bool', 1, (r) => r.bool(), (w, v) => w.bool(v));
export const int = primitive<number>('int', 4, (r) => r.int(), (w, v) => w.int(v));
export const long = primitive<bigint>('long', 8, (r) => r.long(), (w, v) => w.long(v));
/** Null and empty are different values. What is read is a view of the frame. */
export const buffer = primitive<Buffer | null>('buffer', 4, (r) => r.buffer(), (w, v) => w.buffer(v));
/** Null is refused; `nullable(ustring)` takes it. */
export const ustring = primitive<string>('ustring', 4, (r) => r.string(), (w, v) => w.ustring(v));

/** Count and items. A null vector is refused; `nullable(vector(item))` takes it. Other negative counts are empty. */
export function vector<T>(item: Codec<T>): Codec<T[]> {
  const name = `vector<${item.name}>`;
  return {
    name,
    shape: { kind: 'vector', of: item },
    minBytes: 4,
    read(reader) {
      const at = reader.offset;
      const items = readItems(reader, item);
      if (items === null) throw new JuteError(name, `is null at ${at}`);
      return items;
    },
    write: (writer, items) => writeItems(writer, item, items),
  };
}

/** A string or vector that may be null, which is length −1. (A buffer always may.) */
export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  const common = { name: `nullable<${codec.name}>`, shape: { kind: 'nullable', of: codec }, minBytes: 4 } as const;
  if (codec.shape.kind === 'vector') {
    const item = codec.shape.of;
    return {
      ...common,
      read: (reader) => readItems(reader, item) as T | null, // T is the vector's own type
      write: (writer, value) => (value === null ? writer.int(-1) : codec.write(writer, value)),
    };
  }
  if (codec.shape.kind !== 'ustring') throw new TypeError(`${codec.name} has no null on the wire`);
  return {
    ...common,
    read: (reader) => reader.ustring() as T | null, // T is string, perhaps branded
    write: (writer, value) => (value === null ? writer.int(-1) : codec.write(writer, value)),
  };
}

/** The last field of a record, which peers before some version neither send nor expect: undefined when it is absent. */
export function trailing<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    name: `trailing<${codec.name}>`,
    shape: { kind: 'trailing', of: codec },
    minBytes: 0,
    read: (reader) => (reader.remaining < codec.minBytes ? undefined : codec.read(reader)),
    write: (writer, value) => {
      if (value !== undefined) codec.write(writer, value);
    },
  };
}

function readItems<T>(reader: Reader, item: Codec<T>): T[] | null {
  const count = reader.count(Math.max(item.minBytes, 1));
  if (count < 0) return null;
  const items: T[] = [];
  try {
    while (items.length < count) items.push(item.read(reader));
  } catch (error) {
    throw error instanceof JuteError ? error.insideItem(items.length) : error;
  }
  return items;
}

function writeItems<T>(writer: Writer, item: Codec<T>, items: readonly T[]): void {
  writer.int(items.length);
  for (const each of items) item.write(writer, each);
}

// One writer serves all calls of encode(); a codec that calls encode() while it writes finds it taken.
let spare: Writer | null = new Writer(1024);

/** The bytes of a value, in a buffer of their own. */
export function encode<T>(codec: Codec<T>, value: T): Buffer {
  const writer = spare ?? new Writer();
  spare = null;
  try {
    codec.write(writer, value);
    return writer.finish();
  } finally {
    writer.reset();
    spare = writer;
  }
}

/** The value at the beginning of `bytes`. Whatever follows it is ignored, as in Java. Buffers in it are views. */
export function decode<T>(codec: Codec<T>, bytes: Buffer): T {
  return codec.read(new Reader(bytes));
}

import protobuf from 'protobufjs/minimal.js';

/** Scalar types of proto3 that are used here: 64 bits are bigints where they are fixed, numbers where they count. */
type Scalar = 'int32' | 'uint32' | 'uint64' | 'fixed64' | 'sfixed64' | 'string';
type ValueOf<S extends Scalar> = S extends 'string' ? string : S extends 'fixed64' | 'sfixed64' ? bigint : number;

/** Name → number and type. */
export type FieldTable = Readonly<Record<string, readonly [number: number, type: Scalar]>>;
type Values<F extends FieldTable> = { [Name in keyof F]?: ValueOf<F[Name][1]> };

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const WIRE_TYPES = { int32: VARINT, uint32: VARINT, uint64: VARINT, fixed64: FIXED64, sfixed64: FIXED64, string: LENGTH } as const;

/**
 * A message of scalars, without protobufjs's schemas: to parse one and compile its codecs costs a start 15 ms and 2 MB.
 * That the table is what the .proto says is the tests' business.
 */
export class Message<F extends FieldTable> {
  readonly fields: F;
  readonly #byTag: ReadonlyMap<number, readonly [name: string, type: Scalar]>;

  constructor(fields: F) {
    this.fields = fields;
    this.#byTag = new Map(Object.entries(fields).map(([name, [number, type]]) => [tagOf(number, type), [name, type]]));
  }

  /** Fields that are undefined are left out. */
  encode(values: Values<F>): Uint8Array {
    const writer = protobuf.Writer.create();
    for (const [name, [number, type]] of Object.entries(this.fields)) {
      const value = values[name];
      if (value !== undefined) write(writer.uint32(tagOf(number, type)), type, value);
    }
    return writer.finish();
  }

  /** What is not in the table is skipped, what is not in the record undefined. @throws RangeError when it is cut off */
  decode(record: Uint8Array): Values<F> {
    const reader = protobuf.Reader.create(record);
    const values: Record<string, string | number | bigint> = {};
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const field = this.#byTag.get(tag);
      if (field === undefined) reader.skipType(tag & 7);
      else values[field[0]] = read(reader, field[1]);
    }
    return values as Values<F>;
  }
}

const tagOf = (number: number, type: Scalar): number => (number << 3) | WIRE_TYPES[type];

function write(writer: protobuf.Writer, type: Scalar, value: string | number | bigint): void {
  if (type === 'string') writer.string(value as string);
  else if (WIRE_TYPES[type] === VARINT) writer[type as 'int32' | 'uint32' | 'uint64'](value as number);
  else writer.fixed32(Number(BigInt.asUintN(32, value as bigint))).fixed32(Number(BigInt.asUintN(32, (value as bigint) >> 32n)));
}

function read(reader: protobuf.Reader, type: Scalar): string | number | bigint {
  if (type === 'string') return reader.string();
  if (WIRE_TYPES[type] === VARINT) return Number(reader[type as 'int32' | 'uint32' | 'uint64']());
  const low = BigInt(reader.fixed32());
  const value = (BigInt(reader.fixed32()) << 32n) | low;
  return type === 'sfixed64' ? BigInt.asIntN(64, value) : value;
}

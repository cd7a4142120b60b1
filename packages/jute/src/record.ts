import type { Codec, Fields, Infer } from './codec.ts';
import { JuteError } from './errors.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

type Absent<F extends Fields> = { [K in keyof F]: undefined extends Infer<F[K]> ? K : never }[keyof F];

/** The value of a record: one property per field; a `trailing` field may be left out. */
export type RecordOf<F extends Fields> = {
  [K in Exclude<keyof F, Absent<F>>]: Infer<F[K]>;
} & (Absent<F> extends never ? unknown : { [K in Absent<F>]?: Infer<F[K]> });

export interface RecordCodec<F extends Fields> extends Codec<RecordOf<F>> {
  readonly fields: F;
}

/**
 * Declares a record. The order of the fields is the order on the wire, with nothing between them.
 *
 *     export const Id = record('Id', { scheme: ustring, id: ustring });
 *     export type Id = Infer<typeof Id>;
 */
export function record<const F extends Fields>(name: string, fields: F): RecordCodec<F> {
  checkDeclaration(name, fields);
  const { read, write } = compile<RecordOf<F>>(name, fields);
  const minBytes = Object.values(fields).reduce((sum, codec) => sum + codec.minBytes, 0);
  return { name, fields, shape: { kind: 'record', fields }, minBytes, read, write };
}

/** Names become source code below, and only the end of a record tells whether a trailing field is there. */
function checkDeclaration(record: string, fields: Fields): void {
  Object.entries(fields).forEach(([field, { shape }], index, { length }) => {
    if (!/^[A-Za-z]\w*$/.test(field)) throw new TypeError(`${record}.${field} is not a field name`);
    if (shape.kind === 'trailing' && index < length - 1) throw new TypeError(`${record}.${field} must be the last field`);
  });
}

interface Compiled<T> {
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

/**
 * Straight-line code for one record: a call per field, on a receiver of one type, and an object literal at the end.
 * That is what a JIT inlines; a loop over the fields takes half as long again. `at` costs a register and tells an
 * error which field it came from.
 */
function compile<T>(name: string, fields: Fields): Compiled<T> {
  const names = Object.keys(fields);
  const codecs = Object.values(fields);
  const reads = codecs.map((codec, i) => `at = ${i}; const f${i} = ${readCall(codec, i)};`);
  const writes = codecs.map((codec, i) => `at = ${i}; ${writeCall(codec, i, `value.${names[i]}`)};`);
  const literal = names.map((field, i) => `${field}: f${i}`).join(', ');
  const source = `'use strict';
    return {
      read(reader) { let at = 0; try { ${reads.join(' ')} return { ${literal} }; } catch (error) { throw place(error, at); } },
      write(writer, value) { let at = 0; try { ${writes.join(' ')} } catch (error) { throw place(error, at); } },
    };`;
  const place = (error: unknown, at: number): unknown =>
    error instanceof JuteError ? error.insideField(name, names[at] ?? '') : error;
  return new Function('codecs', 'place', `const [${codecs.map((_, i) => `c${i}`).join(', ')}] = codecs; ${source}`)(codecs, place);
}

/** Only a codec of jute itself may be replaced by the cursor's method: another with the same shape may do more. */
function readCall(codec: Codec<unknown>, index: number): string {
  if (codec.shape.kind === codec.name) return codec.name === 'ustring' ? 'reader.string()' : `reader.${codec.name}()`;
  return `c${index}.read(reader)`;
}

function writeCall(codec: Codec<unknown>, index: number, value: string): string {
  if (codec.shape.kind === codec.name) return `writer.${codec.name}(${value})`;
  return `c${index}.write(writer, ${value})`;
}

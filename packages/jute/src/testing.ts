import fc from 'fast-check';
import type { Codec, Fields } from './codec.ts';

/** Values of a codec, for property tests: what it writes it must read back. */
export function arbitraryOf<T>(codec: Codec<T>): fc.Arbitrary<T> {
  return arbitrary(codec) as fc.Arbitrary<T>; // the shape is what makes it a T
}

function arbitrary({ shape }: Codec<unknown>): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case 'byte': return fc.integer({ min: -0x80, max: 0x7f });
    case 'bool': return fc.boolean();
    case 'int': return fc.integer();
    case 'long': return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'buffer': return fc.option(fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)), { nil: null });
    case 'ustring': return fc.oneof(fc.string(), fc.string({ unit: 'binary' }));
    case 'nullable': return fc.option(arbitrary(shape.of), { nil: null });
    case 'trailing': return fc.option(arbitrary(shape.of), { nil: undefined });
    case 'vector': return fc.array(arbitrary(shape.of), { maxLength: 8 });
    case 'record': return fc.record(arbitraries(shape.fields));
  }
}

function arbitraries(fields: Fields): Record<string, fc.Arbitrary<unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([name, codec]) => [name, arbitrary(codec)]));
}

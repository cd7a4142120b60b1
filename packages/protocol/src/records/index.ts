import type { Codec } from '@zk/jute';
import * as data from './data.ts';
import * as proto from './proto.ts';
import * as quorum from './quorum.ts';
import * as txn from './txn.ts';

export * from './data.ts';
export * from './proto.ts';
export * from './quorum.ts';
export * from './txn.ts';

/** Every record of zookeeper.jute by Apache's name. */
export const records: Readonly<Record<string, Codec<unknown>>> = Object.fromEntries(
  [data, proto, quorum, txn]
    .flatMap((module): Codec<unknown>[] => Object.values(module))
    .filter((codec) => codec.shape.kind === 'record')
    .map((codec) => [codec.name, codec]),
);

export * from './codec.ts';
export * from './errors.ts';
export * from './frames.ts';
export * from './reader.ts';
export * from './record.ts';
export * from './writer.ts';

export { DamageError } from './damage.ts';
export { DataDirectoryError } from './data-directory.ts';
export { nodeDisk, type Disk, type Done } from './disk.ts';
export { FileStore, type FileStoreOptions } from './file-store.ts';
export type { Compression } from './file-names.ts';
export { MemoryDisk, MemoryStore } from './memory-store.ts';
export { MIN_RETAINED_SNAPSHOTS, purgeDirectories } from './purge.ts';
export { encodeSnapshot, type SnapshotFormat } from './snapshot-writer.ts';
export type { Epochs, Recovered, Store } from './store.ts';

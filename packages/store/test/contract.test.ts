import { MemoryDisk, MemoryStore } from '../src/index.ts';
import { storeContract } from '../src/testing.ts';
import { fileDisk, temporaryDirectory } from './support.ts';

storeContract('MemoryStore', () => {
  const disk = new MemoryDisk();
  return { open: () => new MemoryStore(disk), fill: () => disk.fill(), makeRoom: () => disk.makeRoom() };
});
storeContract('FileStore', () => fileDisk());
storeContract('FileStore with a log directory of its own, gz snapshots and no preallocation', () =>
  fileDisk({ dataLogDir: temporaryDirectory(), compression: 'gz', preAllocKb: 0 }));
storeContract('FileStore with checkpoints in LMDB', () => fileDisk({ checkpoint: 'lmdb' }));
storeContract('FileStore with checkpoints in LMDB and a log directory of its own', () =>
  fileDisk({ checkpoint: 'lmdb', dataLogDir: temporaryDirectory() }));

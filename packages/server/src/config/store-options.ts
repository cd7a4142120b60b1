import type { PeerConfig } from '@zk/peer';
import type { FileStoreOptions } from '@zk/store';
import type { ServerConfig } from './load.ts';

/** What zoo.cfg says to the store on disk. */
export function storeOptionsOf(config: ServerConfig, { maxBuffer, maxBufferExtra }: PeerConfig): FileStoreOptions {
  const { dataDir, dataLogDir, settings } = config;
  const of = settings.get.bind(settings);
  return {
    dataDir,
    dataLogDir,
    preAllocKb: of('preAllocSize'),
    forceSync: of('forceSync'),
    digest: of('digest.enabled'),
    serializeLastZxid: of('serializeLastProcessedZxid.enabled'),
    checkpoint: of('checkpoint.format'),
    compression: compressionOf(of('snapshot.compression.method')),
    trustEmpty: of('snapshot.trust.empty'),
    autocreateDb: of('db.autocreate'),
    canRejoin: hasOtherVoters(config),
    autocreateDirectories: of('datadir.autocreate'),
    maxEntryBytes: maxBuffer + maxBufferExtra,
    logSizeLimitKb: of('txnLogSizeLimitInKb'),
    snapRetainCount: of('autopurge.purgeInterval') === 0 ? 0 : Math.max(3, of('autopurge.snapRetainCount')),
    retainBytes: of('autopurge.retainSizeInMb') * 2 ** 20,
  };
}

/** Somebody a damaged member can get its history back from. */
function hasOtherVoters({ ensemble, sid }: ServerConfig): boolean {
  return ensemble !== null && [...ensemble.voters].some((voter) => voter !== sid);
}

function compressionOf(method: string): 'none' | 'gz' | 'snappy' {
  return method === 'gz' || method === 'snappy' ? method : 'none';
}

import { epochOf, hex } from '@zk/protocol';
import type { Epoch } from '@zk/protocol';
import type { Epochs, Recovered } from '@zk/store';

/** The epochs on disk contradict each other or the log: starting could vote a committed txn away. */
export class InconsistentEpochsError extends Error {
  override readonly name = 'InconsistentEpochsError';
}

/**
 * The epochs to start with (quorum.md 4.1). Missing ones are the epoch of the last zxid.
 *
 * A log that reaches beyond currentEpoch, but not beyond acceptedEpoch, is what a crash leaves between "the synced txns
 * are durable" and "currentEpoch is durable" (quorum.md 8.3, steps 4 and 5). Apache refuses to start then; it is safe
 * to go on with the lower currentEpoch, which can only make our vote weaker.
 *
 * @throws InconsistentEpochsError
 */
export function startingEpochs(recovered: Recovered): Epochs {
  const logged: Epoch = recovered.lastZxid < 0n ? 0n : epochOf(recovered.lastZxid);
  if (!recovered.epochs) return { accepted: logged, current: logged };
  const { accepted, current } = recovered.epochs;
  if (accepted < current) {
    throw new InconsistentEpochsError(`The accepted epoch, ${hex(accepted)}, is less than the current epoch, ${hex(current)}`);
  }
  if (logged > accepted) {
    throw new InconsistentEpochsError(
      `The accepted epoch, ${hex(accepted)}, is older than the last zxid, ${hex(recovered.lastZxid)}: the epoch files do not belong to this log`,
    );
  }
  return recovered.epochs;
}

import type { ClientState, WatchEvent } from './events.ts';
import type { WatchListener } from './watch-registry.ts';

export interface WatchSource {
  begin(listener: WatchListener): Promise<void>;
  /** Only called when `begin` has succeeded; never rejects. */
  end(listener: WatchListener): Promise<void>;
  onState(listener: (state: ClientState) => void): void;
  offState(listener: (state: ClientState) => void): void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Events as they come, kept in order while the loop is busy. Ends with the signal, or with the client.
 * @throws what `begin` rejects with
 */
export async function* watchIterator(source: WatchSource): AsyncIterableIterator<WatchEvent> {
  if (source.signal?.aborted) return;
  const events: WatchEvent[] = [];
  let ended = false;
  let wake: () => void = () => undefined;
  const listener: WatchListener = (event) => {
    events.push(event);
    wake();
  };
  const end = (): void => {
    ended = true;
    wake();
  };
  const stateChanged = (state: ClientState): void => {
    if (state === 'closed' || state === 'expired' || state === 'authFailed') end();
  };
  source.signal?.addEventListener('abort', end, { once: true });
  source.onState(stateChanged);
  const woken = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  let watching = false;
  const begun = source.begin(listener).then(() => void (watching = true));
  try {
    await Promise.race([begun, woken()]); // an abort does not wait for a connection
    while (!ended) {
      const event = events.shift();
      if (event) yield event;
      else await woken();
    }
  } finally {
    source.signal?.removeEventListener('abort', end);
    source.offState(stateChanged);
    const removed = begun.then(() => source.end(listener), () => undefined);
    if (watching) await removed;
  }
}

import type { ClientState, WatchEvent } from './events.ts';
import type { WatchListener } from './watch-registry.ts';

export interface WatchSource {
  begin(listener: WatchListener): Promise<void>;
  end(listener: WatchListener): Promise<void>;
  onFinalState(listener: (state: ClientState) => void): void;
  offFinalState(listener: (state: ClientState) => void): void;
  readonly signal?: AbortSignal | undefined;
}

/** Events as they come, kept in order while the loop is busy. Ends with the signal, or with the client. */
export async function* watchIterator(source: WatchSource): AsyncIterableIterator<WatchEvent> {
  const events: WatchEvent[] = [];
  let ended = source.signal?.aborted ?? false;
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
  source.onFinalState(stateChanged);
  try {
    await source.begin(listener);
    while (!ended) {
      const event = events.shift();
      if (event) yield event;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    source.signal?.removeEventListener('abort', end);
    source.offFinalState(stateChanged);
    await source.end(listener);
  }
}

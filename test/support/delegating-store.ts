import type { Store } from '@zk/store';

/** A store that does what `store` does, except for `changed`. */
export function delegating(store: Store, changed: Partial<Store>): Store {
  return {
    recover: () => store.recover(),
    append: (proposal, persisted) => store.append(proposal, persisted),
    flush: (done) => store.flush(done),
    saveEpochs: (epochs, done) => store.saveEpochs(epochs, done),
    truncate: (to, done) => store.truncate(to, done),
    replaceWith: (image, done) => store.replaceWith(image, done),
    checkpoint: (image, done) => store.checkpoint(image, done),
    readLog: (from) => store.readLog(from),
    logSizeFrom: (from) => store.logSizeFrom(from),
    newestImageSize: () => store.newestImageSize(),
    close: (done) => store.close(done),
    get onShortage() {
      return store.onShortage;
    },
    set onShortage(handler) {
      store.onShortage = handler;
    },
    get onFatal() {
      return store.onFatal;
    },
    set onFatal(handler) {
      store.onFatal = handler;
    },
    ...changed,
  };
}

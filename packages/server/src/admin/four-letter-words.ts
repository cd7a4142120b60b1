import { cons, dirs, dump, envi, hash, NOT_SERVING, srvr, stat, wchc, wchp, wchs, type Asker, type Traffic } from './texts.ts';
import { conf } from './configuration.ts';
import { mntr } from './monitor.ts';
import type { AdminView } from './view.ts';
import type { CommandWord } from './words.ts';

/** Java's default trace mask; kept because scripts set and read it, nothing is traced by it. */
const DEFAULT_TRACE_MASK = 306n;

/** Answers four-letter words. Counts them too: `srvr` reports them among the packets. */
export class FourLetterWords {
  readonly #view: () => AdminView | null;
  readonly #whitelist: ReadonlySet<CommandWord>;
  #asked = 0;
  traceMask = DEFAULT_TRACE_MASK;

  /** @param view `null` before the peer has started */
  constructor(whitelist: ReadonlySet<CommandWord>, view: () => AdminView | null) {
    this.#whitelist = whitelist;
    this.#view = view;
  }

  /** @param argument what followed the word on its connection */
  answer(word: CommandWord, argument: Buffer, asker: Asker): string {
    if (!this.#whitelist.has(word)) return `${word} is not executed because it is not in the whitelist.\n`;
    this.#asked++;
    return this.#answerAnyTime(word, argument) ?? this.#answerServing(word, asker);
  }

  /** Packets of clients and words together. */
  traffic({ status: { pipeline } }: AdminView): Traffic {
    return { received: pipeline.packetsReceived + this.#asked, sent: pipeline.packetsSent + Math.max(0, this.#asked - 1) };
  }

  /** Begins to count anew, as `srst` does. */
  reset(): void {
    this.#asked = 0;
  }

  #answerAnyTime(word: CommandWord, argument: Buffer): string | null {
    if (word === 'ruok') return 'imok';
    if (word === 'envi') return envi();
    if (word === 'stmk') this.traceMask = argument.readBigInt64BE(0);
    return word === 'gtmk' || word === 'stmk' ? String(this.traceMask) : null;
  }

  #answerServing(word: CommandWord, asker: Asker): string {
    const view = this.#view();
    if (view === null || view.status.serving === null) {
      if (word === 'isro') return 'null';
      return word === 'hash' ? NOT_SERVING : `${NOT_SERVING}\n`;
    }
    switch (word) {
      case 'srvr': return srvr(view, this.traffic(view));
      case 'stat': return stat(view, this.traffic(view), asker);
      case 'mntr': return mntr(view, this.traffic(view));
      case 'conf': return conf(view);
      case 'cons': return cons(view, asker);
      case 'dump': return dump(view);
      case 'dirs': return dirs(view);
      case 'wchs': return wchs(view);
      case 'wchc': return wchc(view);
      case 'wchp': return wchp(view);
      case 'hash': return hash(view);
      case 'isro': return view.status.serving === 'readOnly' ? 'ro' : 'rw';
      case 'crst': return this.#resetConnections(view);
      case 'srst': return this.#resetServer(view);
      default: return '';
    }
  }

  #resetConnections(view: AdminView): string {
    view.resetConnectionStats();
    return 'Connection stats reset.\n';
  }

  #resetServer(view: AdminView): string {
    view.resetServerStats();
    this.reset();
    return 'Server stats reset.\n';
  }
}

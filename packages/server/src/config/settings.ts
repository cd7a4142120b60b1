import { KEY_NOTES } from './key-notes.ts';
import { isJvmKey, isKeyName, KEYS, specOf, supportOf, type KeyName, type ValueOf } from './keys.ts';
import { meantMember, nearestKey } from './near-miss.ts';
import type { Findings } from './problems.ts';
import type { Entry, Place } from './source.ts';

/** `server.1`, `group.1` and `weight.1` lines and `version`: who is in the ensemble, not how this server behaves. */
const MEMBER_KEY = /^(server|group|weight)\.|^(group|weight)$|^version$/;

/** A value and, when somebody set it, where. */
interface Setting {
  readonly value: string | number | boolean | null;
  readonly at: Place;
}

/** What the operator set, typed by the table of keys; every key not set has its default. */
export class Settings {
  readonly #values = new Map<KeyName, Setting>();
  /** `server.N`, `group.N`, `weight.N`, in file order, duplicates included. */
  readonly members: Entry[] = [];
  /** Keys known by their family alone, and their values: `ssl.keyStore.location`, `authProvider.1`. */
  readonly families = new Map<string, string>();

  get<K extends KeyName>(key: K): ValueOf<K> {
    const set = this.#values.get(key);
    return (set === undefined ? KEYS[key].fallback : set.value) as ValueOf<K>;
  }

  isSet(key: KeyName): boolean {
    return this.#values.has(key);
  }

  /** Where `key` was set, or `fallback`. */
  placeOf(key: KeyName, fallback: Place): Place {
    return this.#values.get(key)?.at ?? fallback;
  }

  /** Takes one entry of zoo.cfg or `--set`. The last one for a key wins. */
  take(entry: Entry, findings: Findings): void {
    const { key, at } = entry;
    if (MEMBER_KEY.test(key)) return void this.members.push(entry);
    if (isKeyName(key)) return this.#takeKnown(key, entry, findings);
    if (key.startsWith('zookeeper.')) {
      const bare = key.slice('zookeeper.'.length);
      findings.warn(at, `${key}: keys of this file have no prefix; read as ${bare}`, `write ${bare}=${entry.value}`);
      return this.take({ ...entry, key: bare }, findings);
    }
    this.#takeUnknown(entry, findings);
  }

  /** Takes one `-D` argument: `zookeeper.<key>`, or a JVM property without prefix. Others are Java's and ignored. */
  define(entry: Entry, findings: Findings): void {
    const key = entry.key.startsWith('zookeeper.') ? entry.key.slice('zookeeper.'.length) : entry.key;
    const prefixed = key !== entry.key;
    if (!isKeyName(key) || prefixed === isJvmKey(key)) {
      if (!prefixed && isKeyName(key)) findings.warn(entry.at, `-D${key} is not read by ZooKeeper`, `write -Dzookeeper.${key}=${entry.value}`);
      return;
    }
    if (specOf(key).scope === 'file' && !key.startsWith('multiAddress.')) {
      return findings.warn(entry.at, `${key} is read from zoo.cfg only, -D is ignored`, `write --set ${key}=${entry.value}`);
    }
    this.#takeKnown(key, entry, findings);
  }

  #takeKnown(key: KeyName, entry: Entry, findings: Findings): void {
    const spec = specOf(key);
    const earlier = this.#values.get(key);
    if (earlier?.at.file === entry.at.file && earlier.at.line !== null) {
      findings.warn(entry.at, `${key} is set twice, first on line ${earlier.at.line}; the last one counts`, 'remove one of them');
    }
    const value = spec.parse(entry.value) ?? this.#withoutComment(key, entry, findings);
    if (value !== undefined) this.#values.set(key, { value, at: entry.at });
    else this.#refuseValue(key, entry, findings);
    this.#reportSupport(key, entry, value, findings);
  }

  /** `tickTime=2000 # ms`: properties files know no trailing comments; for a number the meaning is plain all the same. */
  #withoutComment(key: KeyName, { value, at }: Entry, findings: Findings): string | number | boolean | null | undefined {
    const bare = /^(.*?)\s+[#!].*$/.exec(value)?.[1];
    const parsed = bare === undefined ? undefined : specOf(key).parse(bare);
    if (parsed !== undefined) {
      findings.warn(at, `${key}=${value}: a comment needs a line of its own, Apache refuses this; read as ${bare}`, `write ${key}=${bare}`);
    }
    return parsed;
  }

  #refuseValue(key: KeyName, { value, at }: Entry, findings: Findings): void {
    const { scope, expected, fallback, example } = specOf(key);
    const what = `${key}=${value} is not ${expected}`;
    const fix = `write for example ${key}=${example}`;
    if (scope === 'file') findings.error(at, what, fix);
    else findings.warn(at, `${what}; the default ${String(fallback)} is used`, fix);
  }

  #reportSupport(key: KeyName, { value, at }: Entry, parsed: unknown, findings: Findings): void {
    const { support, fallback } = specOf(key);
    if (parsed === fallback || parsed === undefined) return;
    if (support === 'refused') {
      findings.error(at, `${key}=${value} asks for protection this server does not offer yet`, 'remove the line, or keep this member on Apache ZooKeeper');
    }
    if (support === 'not yet') findings.warn(at, `${key} is not supported yet and has no effect`);
    if (support === 'meaningless') findings.warn(at, `${key} has no meaning here: ${KEY_NOTES[key] ?? 'it tunes a part of the Java server'}`);
  }

  #takeUnknown({ key, value, at }: Entry, findings: Findings): void {
    const member = meantMember(key);
    if (member !== null) return findings.error(at, `${key}=${value} is not a key`, `did you mean ${member}=${value}?`);
    const support = supportOf(key);
    if (support !== undefined) this.families.set(key, value);
    if (support === 'not yet') return findings.warn(at, `${key} is not supported yet and has no effect`);
    if (support !== undefined) return;
    const near = nearestKey(key);
    if (near === null) findings.warn(at, `${key} is not a key ZooKeeper knows; it has no effect`);
    else findings.warn(at, `${key} is not a key ZooKeeper knows; it has no effect`, `did you mean ${near}=${value}?`);
  }
}

import { asSid, EnsembleConfig, MAX_EXTENDED_SID, parseServerLine, type ServerSpec, type Sid } from '@zk/protocol';
import type { Findings } from './problems.ts';
import type { Entry, Place } from './source.ts';

export interface MemberOptions {
  readonly multiAddress: boolean;
  /** The configuration's version: from the name of the dynamic file, 0 for lines in zoo.cfg. */
  readonly version: bigint;
  readonly extendedTypes: boolean;
}

interface Member {
  readonly spec: ServerSpec;
  readonly entry: Entry;
}

/**
 * The ensemble that `server.N`, `group.N` and `weight.N` lines describe; `null` when there is none, or when the lines
 * have errors (which are then among the findings).
 */
export function readEnsemble(entries: readonly Entry[], options: MemberOptions, findings: Findings): EnsembleConfig | null {
  const errorsBefore = findings.errors.length;
  const members = readMembers(entries, options, findings);
  checkAddresses(members, findings);
  const groups = readGroups(entries, findings);
  const weights = readWeights(entries, findings);
  if (members.length === 0 || findings.errors.length > errorsBefore) return null;
  const specs = members.map(({ spec }) => spec);
  try {
    return groups.size > 0 || weights.size > 0
      ? EnsembleConfig.of(specs, { version: options.version, groups, weights })
      : EnsembleConfig.of(specs, { version: options.version });
  } catch (error) {
    findings.error(members[0]?.entry.at ?? { file: '', line: null }, messageOf(error));
    return null;
  }
}

function readMembers(entries: readonly Entry[], options: MemberOptions, findings: Findings): Member[] {
  const bySid = new Map<Sid, Member>();
  for (const entry of entries) {
    if (!entry.key.startsWith('server.')) continue;
    const sid = readSid(entry, options, findings);
    if (sid === null) continue;
    const earlier = bySid.get(sid);
    if (earlier !== undefined) {
      findings.error(entry.at, `${entry.key} is given twice, first on line ${earlier.entry.at.line}`, 'give every server a number of its own');
      continue;
    }
    const spec = readLine(sid, entry, options, findings);
    if (spec !== null) bySid.set(sid, { spec, entry });
  }
  return [...bySid.values()];
}

function readSid({ key, value, at }: Entry, { extendedTypes }: MemberOptions, findings: Findings): Sid | null {
  const text = key.slice('server.'.length);
  if (!/^-?\d{1,18}$/.test(text)) {
    findings.error(at, `${key}: the server id ${text === '' ? 'is missing' : `${text} is not a number`}`, `write for example server.1=${value}`);
    return null;
  }
  const sid = asSid(BigInt(text));
  if (extendedTypes && (sid < 0n || sid > MAX_EXTENDED_SID)) {
    findings.error(at, `${key}: with extendedTypesEnabled=true a server id is at most ${MAX_EXTENDED_SID}`, 'choose a smaller id');
    return null;
  }
  if (sid < 1n || sid > 255n) findings.warn(at, `${key}: ids outside 1 to 255 share session id prefixes with other servers`, 'choose an id from 1 to 255');
  return sid;
}

function readLine(sid: Sid, entry: Entry, { multiAddress }: MemberOptions, findings: Findings): ServerSpec | null {
  const { key, at } = entry;
  let { value } = entry;
  const bare = /^(\S+)\s+[#!].*$/.exec(value)?.[1];
  if (bare !== undefined) {
    findings.warn(at, `${key}=${value}: a comment needs a line of its own; read as ${bare}`, `write ${key}=${bare}`);
    value = bare;
  }
  try {
    return parseServerLine(sid, value, { multiAddress });
  } catch (error) {
    findings.error(at, `${key}=${value} ${reasonOf(value, error)}`, fixOf(key, value));
    return null;
  }
}

/** Names the commonest slip, a port left out, better than the grammar of the whole line would. */
function reasonOf(value: string, error: unknown): string {
  if (/^[^:;|\s]+$/.test(value)) return 'has no quorum port and no election port';
  if (/^[^:;|\s]+:\d+(;.*)?$/.test(value)) return 'has no election port';
  const doubled = /:(\d+):\1(?!\d)/.exec(value)?.[1];
  if (doubled !== undefined) return `uses port ${doubled} as its quorum port and as its election port`;
  return `cannot be read: ${messageOf(error)}`;
}

function fixOf(key: string, value: string): string {
  const [, host = 'host', quorumPort = '2888', clientPart = ''] = /^([^:;|\s]+)?(?::(\d+))?[^;]*(;.*)?$/.exec(value) ?? [];
  return `write ${key}=${host}:${quorumPort}:3888${clientPart}`;
}

/** Two servers at one address, or two purposes for one port of a server. */
function checkAddresses(members: readonly Member[], findings: Findings): void {
  const owners = new Map<string, { member: Member; use: string }>();
  for (const member of members) {
    for (const { address, use } of addressesOf(member.spec)) {
      const owner = owners.get(address);
      if (owner === undefined) owners.set(address, { member, use });
      else findings.error(member.entry.at, clash(member, use, owner.member, owner.use, address), 'give each of them a port of its own');
    }
  }
}

function clash(member: Member, use: string, owner: Member, ownerUse: string, address: string): string {
  if (owner === member) return `${member.entry.key}: ${ownerUse} port and ${use} port are both ${address}`;
  return `${member.entry.key}: the ${use} port ${address} is already the ${ownerUse} port of ${owner.entry.key} (line ${owner.entry.at.line})`;
}

function addressesOf({ addresses, client }: ServerSpec): { address: string; use: string }[] {
  const all = addresses.flatMap(({ host, quorumPort, electionPort }) => [
    { address: `${host}:${quorumPort}`, use: 'quorum' },
    { address: `${host}:${electionPort}`, use: 'election' },
  ]);
  if (client !== null) {
    // `;2181` listens on every address, so on those of the quorum and election ports too.
    const wildcard = client.host === '0.0.0.0' || client.host === '::';
    const hosts = wildcard ? new Set(addresses.map(({ host }) => host)) : [client.host];
    for (const host of hosts) all.push({ address: `${host}:${client.port}`, use: 'client' });
  }
  return all;
}

function readGroups(entries: readonly Entry[], findings: Findings): Map<bigint, Sid[]> {
  const groups = new Map<bigint, Sid[]>();
  const seen = new Map<string, string>();
  for (const { key, value, at } of entries) {
    if (!key.startsWith('group')) continue;
    const id = /^group\.(\d+)$/.exec(key)?.[1];
    const sids = value.split(':').map((sid) => sid.trim());
    if (id === undefined || !sids.every((sid) => /^\d+$/.test(sid))) {
      findings.error(at, `${key}=${value} is not a group`, 'write for example group.1=1:2:3');
      continue;
    }
    for (const sid of sids) {
      if (seen.has(sid)) findings.error(at, `${key}=${value}: server ${sid} is in ${seen.get(sid)} as well`, 'put every server into one group');
      seen.set(sid, key);
    }
    groups.set(BigInt(id), sids.map((sid) => asSid(BigInt(sid))));
  }
  return groups;
}

function readWeights(entries: readonly Entry[], findings: Findings): Map<Sid, number> {
  const weights = new Map<Sid, number>();
  for (const { key, value, at } of entries) {
    if (!key.startsWith('weight')) continue;
    const sid = /^weight\.(\d+)$/.exec(key)?.[1];
    if (sid === undefined || !/^\d+$/.test(value)) findings.error(at, `${key}=${value} is not a weight`, 'write for example weight.1=1');
    else weights.set(asSid(BigInt(sid)), Number(value));
  }
  return weights;
}

/** How many voters there are, and what that is worth: none, an even number, too few. */
export function checkVoters(ensemble: EnsembleConfig, standaloneAllowed: boolean, at: Place, findings: Findings): void {
  const voters = ensemble.voters.size;
  const observers = ensemble.servers.size - voters;
  if (voters === 0) {
    findings.error(at, 'every server is an observer, nobody could lead', 'make at least one server a participant');
  } else if (voters === 1 && observers > 0 && standaloneAllowed) {
    findings.error(at, 'observers with a single participant need an ensemble', 'set standaloneEnabled=false, or add participants');
  } else if (voters === 2) {
    findings.warn(at, 'with 2 voters no server may fail; an ensemble that survives a failure needs 3');
  } else if (voters > 2 && voters % 2 === 0) {
    findings.warn(at, `${voters} voters survive no more failures than ${voters - 1}; choose an odd number`);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

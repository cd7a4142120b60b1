import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Hello, Step } from './play.ts';
import { describeRequest, type AclEntry, type Damage, type Request } from './requests.ts';

/** Whose digest is the super user of both servers. */
export const SUPER_USER = 'super:secret';
export const digestOf = (userAndPassword: string): string =>
  `${userAndPassword.split(':', 1)[0] ?? ''}:${createHash('sha1').update(userAndPassword).digest('base64')}`;

const CLIENTS = 3;
const LONGEST = 24;

/** Few names, so that requests meet each other. */
const name = fc.constantFrom('a', 'b', 'c');
const usualPath = fc.oneof(
  { weight: 6, arbitrary: name.map((n) => `~/${n}`) },
  { weight: 3, arbitrary: fc.tuple(name, name).map(([n, m]) => `~/${n}/${m}`) },
  { weight: 1, arbitrary: fc.constantFrom('~/a/a/a', '~/a/b/c') },
  { weight: 1, arbitrary: fc.constant('~') },
);
const oddPath = fc.constantFrom<(string | null)[]>(
  null, '', '/', 'a', '//', '~/', '~/a/', '~/a//b', '~/.', '~/..', '~/a/./b', '~/...', '~/.a', '~/\u0000', '~/a\u0000', '~/\u0001', '~/\u001f', '~/\u007f', '~/\u009f',
  '~/\u00e9', '~/\u4e2d\u6587', '~/\ud800', '~/\u{1f600}', '~/\ue000', '~/\uf8ff', '~/\uf900', '~/\uffef', '~/\ufff0', '~/\uffff', '~/a b', '~/\t', '/zookeeper', '/zookeeper/quota',
  '/zookeeper/config', '/zookeeper/config/a', '/zookeeper~', '/zookeeper/quota~', '/zookeeper/quota~/zookeeper_limits', '/zookeeper/quota~/zookeeper_stats',
  '/zookeeper/quota~/a', '/zookeeper/quota~/a/zookeeper_limits', '/zookeeper/quota~/a/zookeeper_stats',
);
const path = fc.oneof({ weight: 12, arbitrary: usualPath }, { weight: 1, arbitrary: oddPath });
/** Of sequential names there are few, so that a path can hit one. */
const sequential = fc.tuple(usualPath, fc.constantFrom('0000000000', '0000000001', '0000000002', '0000000003')).map(([p, n]) => p + n);
const anyPath = fc.oneof({ weight: 8, arbitrary: path }, { weight: 1, arbitrary: sequential });
/** What all sequences share must stay as it is. */
const isOwn = (p: string | null): boolean => p !== null && (p.includes('~') || p === '/zookeeper/config' || p === 'a' || p === '//');
const ownPath = anyPath.filter(isOwn);

const somePath = anyPath.filter((p) => p !== null);

const data = fc.oneof(fc.constantFrom<(string | null)[]>(null, '', 'x', 'hello', 'a little longer than that'), fc.string({ maxLength: 8 }));
const version = fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, { weight: 3, arbitrary: fc.integer({ min: 0, max: 3 }) }, { weight: 1, arbitrary: fc.constantFrom(-2, 2147483647, -2147483648) });

const perms = fc.oneof({ weight: 4, arbitrary: fc.constant(31) }, { weight: 3, arbitrary: fc.integer({ min: 0, max: 31 }) }, { weight: 1, arbitrary: fc.constantFrom(-1, 32, 64) });
const identity = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(['world', 'anyone']) },
  { weight: 2, arbitrary: fc.constantFrom(['auth', ''], ['auth', 'whatever']) },
  { weight: 3, arbitrary: fc.constantFrom(['digest', digestOf('bob:pw')], ['digest', digestOf('eve:pw')], ['digest', digestOf(SUPER_USER)]) },
  { weight: 2, arbitrary: fc.constantFrom(['ip', '127.0.0.1'], ['ip', '127.0.0.0/8'], ['ip', '10.0.0.1'], ['ip', '128.0.0.0/1'], ['ip', '0.0.0.0/0'], ['ip', '::1']) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ['world', 'nobody'], ['world', ''], ['digest', 'a'], ['digest', 'a:'], ['digest', ':b'], ['digest', 'a:b:'], ['digest', 'a:b:c'], ['digest', ''], ['ip', '256.1.1.1'], ['ip', '127.0.0.1/33'],
      ['ip', '1.2.3'], ['ip', ''], ['ip', '::1/129'], ['ip', 'fe80::1/10'], ['ip', '1::2::3'], ['ip', '127.0.0.1/'], ['ip', '127.0.0.1/-1'],
      ['super', ''], ['sasl', 'bob'], ['x509', 'CN=bob'], ['', ''], ['unknown', 'x'],
    ),
  },
);
const aclEntry: fc.Arbitrary<AclEntry> = fc.tuple(perms, identity).map(([p, [scheme, id]]) => ({ perms: p, scheme: scheme ?? null, id: id ?? null }));
const OPEN: AclEntry[] = [{ perms: 31, scheme: 'world', id: 'anyone' }];
const acl = fc.oneof(
  { weight: 8, arbitrary: fc.constant(OPEN) },
  { weight: 4, arbitrary: fc.array(aclEntry, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom<(AclEntry[] | null)[]>(null, [], [{ perms: 31, scheme: null, id: 'x' }]) },
);

const flags = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 3 }) }, { weight: 1, arbitrary: fc.constantFrom(4, 5, 6, 7, -1, 100) });
const create: fc.Arbitrary<Request> = fc.record({ op: fc.constantFrom('create', 'create2'), path: ownPath, data, acl, flags });
const createContainer: fc.Arbitrary<Request> = fc.record({
  op: fc.constant('createContainer'),
  path: ownPath,
  data,
  acl,
  // Not 1 and 3: until it is applied Apache takes that container for an ephemeral, see the table of differences.
  flags: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(4, 0, 2) }, { weight: 1, arbitrary: fc.constantFrom(5, 6, 7, -1) }),
});
const ttl = fc.oneof(fc.constantFrom(1n, 3_600_000n, 0xff_ffff_ffffn), fc.constantFrom(0n, -1n, 0x100_0000_0000n, -0x8000_0000_0000_0000n));
const createTTL: fc.Arbitrary<Request> = fc
  .record({ op: fc.constant('createTTL'), path: ownPath, data, acl, flags: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(5, 6) }, { weight: 1, arbitrary: flags }), ttl })
  // A negative ttl with plain flags ends Apache's server, see the table of differences.
  .filter((request) => request.flags >= 5 || request.ttl >= 0n || request.flags < 0);
const remove: fc.Arbitrary<Request> = fc.record({ op: fc.constant('delete'), path: fc.oneof({ weight: 9, arbitrary: ownPath }, { weight: 1, arbitrary: oddPath.filter((p) => p !== null) }), version });
const setData: fc.Arbitrary<Request> = fc.record({ op: fc.constant('setData'), path: ownPath, data, version });
const check: fc.Arbitrary<Request> = fc.record({ op: fc.constant('check'), path: somePath, version });
const setACL: fc.Arbitrary<Request> = fc.record({ op: fc.constant('setACL'), path: ownPath, acl, version });
const read: fc.Arbitrary<Request> = fc.record({ op: fc.constantFrom('exists', 'getData', 'getChildren', 'getChildren2'), path: anyPath, watch: fc.boolean() });
const ask: fc.Arbitrary<Request> = fc.record({ op: fc.constantFrom('getACL', 'sync', 'getAllChildrenNumber', 'getEphemerals'), path: somePath });
const write = fc.oneof(
  { weight: 8, arbitrary: create },
  { weight: 1, arbitrary: createContainer },
  { weight: 1, arbitrary: createTTL },
  { weight: 3, arbitrary: remove },
  { weight: 3, arbitrary: setData },
);
const inMulti = fc.oneof({ weight: 12, arbitrary: write }, { weight: 2, arbitrary: check }, { weight: 1, arbitrary: fc.oneof(setACL, read, ask) });
const multi: fc.Arbitrary<Request> = fc.record({ op: fc.constant('multi'), requests: fc.array(inMulti, { maxLength: 5 }) });
const inMultiRead = fc.record({ op: fc.constantFrom('getData', 'getChildren'), path: somePath, watch: fc.boolean() });
const multiRead: fc.Arbitrary<Request> = fc.record({
  op: fc.constant('multiRead'),
  requests: fc.array(fc.oneof({ weight: 12, arbitrary: inMultiRead }, { weight: 1, arbitrary: fc.oneof(ask, write) }), { maxLength: 4 }),
});
const watcherType = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 5 }) }, { weight: 1, arbitrary: fc.constantFrom(0, 6, -1) });
const watching: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ op: fc.constant('addWatch'), path: somePath, mode: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(0, 1) }, { weight: 1, arbitrary: fc.constantFrom(-1, 2) }) }),
  fc.record({ op: fc.constantFrom('checkWatches', 'removeWatches'), path: somePath, type: watcherType }),
);
const watchList = fc.oneof({ weight: 9, arbitrary: fc.array(somePath, { maxLength: 3 }) }, { weight: 1, arbitrary: fc.constant(null) });
const since = fc.integer({ min: -2, max: 20 });
const setWatches: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ op: fc.constant('setWatches'), since, lists: fc.array(watchList, { minLength: 3, maxLength: 3 }) }),
  fc.record({ op: fc.constant('setWatches2'), since, lists: fc.array(watchList, { minLength: 5, maxLength: 5 }) }),
);
const auth: fc.Arbitrary<Request> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<Request[]>(...['bob:pw', 'eve:pw', SUPER_USER].map((text): Request => ({ op: 'auth', scheme: 'digest', auth: text }))) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Request[]>(
      ...[['digest', 'x'], ['digest', ''], ['digest', ':'], ['digest', null], ['ip', ''], ['ip', null], ['world', 'anyone'], ['sasl', 'bob'],
        ['auth', ''], ['super', ''], ['x509', ''], ['', ''], [null, 'x'], ['nosuch', 'x']].map(
        ([scheme, text]): Request => ({ op: 'auth', scheme: scheme as string | null, auth: text as string | null }),
      ),
    ),
  },
);
const server = fc.constantFrom<(string | null)[]>(null, '', 'server.2=127.0.0.1:1:2;3', '2', 'x');
const reconfig: fc.Arbitrary<Request> = fc.record({ op: fc.constant('reconfig'), joining: server, leaving: server, newMembers: server, configId: fc.constantFrom(-1n, 0n, 7n) });
const simple: fc.Arbitrary<Request> = fc.constantFrom<Request[]>({ op: 'whoAmI' }, { op: 'ping' });
// Not among them, see the table of differences: -10 createSession, 20 deleteContainer.
const bytes = fc.uint8Array({ maxLength: 40 }).map((body) => Buffer.from(body).toString('hex'));
const garbage: fc.Arbitrary<Request> = fc.record({
  op: fc.constant('opcode'),
  code: fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 18, 19, 21, 22, 100, 101, 102, 103, 104, 105, 106, 107),
  body: bytes,
});
const unknown: fc.Arbitrary<Request> = fc.record({ op: fc.constant('opcode'), code: fc.constantFrom(0, 10, 13, 23, 99, 108, -1, -12, 1000), body: bytes });

/** What may be sent behind each other at once: the replies come in order, and Apache's do not depend on how fast it was. */
const queued = fc.oneof(
  { weight: 30, arbitrary: write },
  { weight: 16, arbitrary: read },
  { weight: 6, arbitrary: ask },
  { weight: 8, arbitrary: multi },
  { weight: 3, arbitrary: multiRead },
  { weight: 10, arbitrary: watching },
  { weight: 4, arbitrary: setWatches },
  { weight: 2, arbitrary: simple },
  { weight: 1, arbitrary: reconfig },
  { weight: 1, arbitrary: garbage.filter(({ op, ...rest }) => op === 'opcode' && ![100, 102, 11].includes((rest as { code: number }).code)) },
);
const request = fc.oneof(
  { weight: 30, arbitrary: queued },
  { weight: 3, arbitrary: setACL },
  { weight: 3, arbitrary: auth },
  { weight: 1, arbitrary: fc.oneof(check, unknown, garbage, fc.constantFrom<Request[]>({ op: 'sasl', token: null }, { op: 'sasl', token: '' }, { op: 'sasl', token: 'x' }, { op: 'closeSession' })) },
);
const damage: fc.Arbitrary<Damage | undefined> = fc.oneof(
  { weight: 30, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.oneof(fc.record({ cut: fc.integer({ min: 1, max: 12 }) }), fc.record({ extra: fc.integer({ min: 1, max: 8 }) })) },
);

const hello: fc.Arbitrary<Hello> = fc.record({
  timeOut: fc.constantFrom(60_000, 60_000, 0, -1, 1, 45_000, 10_000_000),
  withReadOnly: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  seen: fc.oneof({ weight: 8, arbitrary: fc.constantFrom('nothing', 'all') }, { weight: 1, arbitrary: fc.constant('tomorrow') }),
});
const slot = fc.integer({ min: 0, max: CLIENTS - 1 });
const reattach: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('reattach'),
  slot,
  hello,
  password: fc.oneof({ weight: 5, arbitrary: fc.constant('right') }, { weight: 1, arbitrary: fc.constant('wrong') }),
  session: fc.oneof({ weight: 9, arbitrary: fc.constant('own') }, { weight: 1, arbitrary: fc.constant('unknown') }),
});

/** zkCli's setquota, with limits that may be reached, nonsense, or nothing. */
const limits = fc.constantFrom<(string | null)[]>(
  'count=3,bytes=-1', 'count=-1,bytes=10', 'count=-1,bytes=-1=;byteHardLimit=12', 'count=-1,bytes=-1=;countHardLimit=2', 'count=2,bytes=5=;byteHardLimit=30;countHardLimit=4',
  'count=1', 'nonsense', '', null, 'count=x', ';;count=2,,bytes=',
);
const quota: fc.Arbitrary<Step> = fc.tuple(slot, fc.constantFrom('~', '~/a', '~/a/b'), limits, fc.boolean()).map(([client, limited, text, withStats]) => {
  const nodes = limited.split('/').map((_, i, parts) => `/zookeeper/quota${parts.slice(0, i + 1).join('/')}`);
  const leaf = nodes.at(-1) ?? '';
  const make = (p: string, content: string | null): Request => ({ op: 'create', path: p, data: content, acl: OPEN, flags: 0 });
  const requests = [...nodes.map((node) => make(node, '')), make(`${leaf}/zookeeper_limits`, text)];
  return { kind: 'burst', slot: client, requests: withStats ? [...requests, make(`${leaf}/zookeeper_stats`, 'count=0,bytes=0')] : requests };
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ kind: fc.constant('request'), slot, request, damage }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('burst'), slot, requests: fc.array(queued, { minLength: 2, maxLength: 5 }) }) },
  // Last: which of the requests behind it Apache still answers is a race there, see the table of differences.
  { weight: 1, arbitrary: fc.tuple(slot, fc.array(queued, { maxLength: 3 })).map(([client, requests]): Step => ({ kind: 'burst', slot: client, requests: [...requests, { op: 'closeSession' }] })) },
  { weight: 2, arbitrary: quota },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('connect'), slot, hello }) },
  { weight: 2, arbitrary: reattach },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop'), slot }) },
);

const FORWARDED: readonly number[] = [1, 2, 5, 7, 14, 15, 16, 19, 21];

/** A write that does not decode, or a null ACL in a multi, is the end of Apache's leader when a follower forwards it; the config names ports. */
function isForwardable(each: Step): boolean {
  const requests = each.kind === 'request' ? [each.request] : each.kind === 'burst' ? each.requests : [];
  if (each.kind === 'request' && each.damage !== undefined) return false;
  const lacksAcl = (request: Request): boolean => request.op === 'multi' && request.requests.some((part) => 'acl' in part && part.acl === null);
  return requests.every((request) => !lacksAcl(request) && !(request.op === 'opcode' && FORWARDED.includes(request.code)) && !describeRequest(request).includes('/zookeeper/config'));
}

/** What three clients do, in an order that is the same for every server. */
export const sequences: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 1, maxLength: LONGEST, size: 'max' });

/** The same for clients of a follower. */
export const sequencesForFollowers: fc.Arbitrary<Step[]> = fc.array(step.filter(isForwardable), { minLength: 1, maxLength: LONGEST, size: 'max' });

/** And where some replies come at once: nothing is sent behind a request that has not been answered. */
export const sequencesOneByOne: fc.Arbitrary<Step[]> = fc.array(step.filter((each) => each.kind !== 'burst' && isForwardable(each)), { minLength: 1, maxLength: LONGEST, size: 'max' });

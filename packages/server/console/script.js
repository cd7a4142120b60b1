// The console's page. Everything that comes from the server goes into the page as text, never as markup.

const POLL_MS = 1000;
/** Points of a plot: two minutes. */
const HISTORY = 120;

const byId = (id) => document.getElementById(id);

/** An element with properties, attributes (names with a dash, role, for) and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role') element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

// What the server says

let credentials = null;

/** Header bytes are latin1 to a browser; the server wants those of UTF-8. */
function headerText(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

async function ask(name, { parameters = {}, ...options } = {}) {
  const headers = credentials === null ? {} : { Authorization: headerText(`digest ${credentials.user}:${credentials.password}`) };
  const response = await fetch(`/console/api/${name}?${new URLSearchParams(parameters)}`, { ...options, headers });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { code: answer.error });
  return answer;
}

const MEANINGS = {
  NOAUTH: 'The ACL does not let you do this.',
  AUTHFAILED: 'The server wants to know who you are: sign in.',
  NONODE: 'There is no such znode.',
  NODEEXISTS: 'A znode of this name exists already.',
  NOTEMPTY: 'It has children.',
  BADVERSION: 'Somebody else has changed it meanwhile. Load it again.',
  BADARGUMENTS: 'That is no valid name, or too much data.',
  NOCHILDRENFOREPHEMERALS: 'Ephemeral znodes have no children.',
  CONNECTIONLOSS: 'This server does not serve at the moment.',
};

function explain(error) {
  return error.code === undefined ? 'The server does not answer.' : (MEANINGS[error.code] ?? error.code);
}

// Numbers for people

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

function short(value) {
  if (value >= 10000) return whole.format(value);
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(2);
}

function bytes(value) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${short(value / 1024 ** power)} ${units[power]}`;
}

function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

/** What is answered in the go in which it is read takes no time on the server's clock. */
const milliseconds = (ms) => `${ms > 0 && ms < 10 ? ms.toFixed(2) : short(ms)} ms`;

// Tables

/** @param columns [heading, cell of a row, class] */
function table(columns, rows, empty) {
  if (rows.length === 0) return make('p', { className: 'empty' }, empty);
  const head = make('tr', {}, ...columns.map(([heading, , className = '']) => make('th', { className, scope: 'col' }, heading)));
  const body = rows.map((row) => make('tr', {}, ...columns.map(([, cell, className = '']) => make('td', { className }, cell(row)))));
  return make('div', { className: 'scroll' }, make('table', {}, make('thead', {}, head), make('tbody', {}, ...body)));
}

// Overview

const points = [];
let previous = null;

function remember(overview) {
  const last = previous;
  previous = overview;
  // Counters of another start, or ones that were reset, say nothing about now.
  if (last === null || overview.at <= last.at || overview.counters.received < last.counters.received) return;
  const seconds = (overview.at - last.at) / 1000;
  const mean = (kind) => {
    const count = overview.latency[kind].count - last.latency[kind].count;
    return count > 0 ? (overview.latency[kind].sum - last.latency[kind].sum) / count : null;
  };
  points.push({
    requests: (overview.counters.received - last.counters.received) / seconds,
    commits: (overview.counters.commits - last.counters.commits) / seconds,
    reads: mean('reads'),
    updates: mean('updates'),
  });
  if (points.length > HISTORY) points.shift();
}

function showOverview(overview) {
  const { gauges } = overview;
  const tiles = [
    ['Znodes', whole.format(gauges.znodes)],
    ['Data', bytes(gauges.dataBytes)],
    ['Sessions', whole.format(gauges.sessions)],
    ['Connections', whole.format(gauges.connections)],
    ['Watches', whole.format(gauges.watches)],
    ['Ephemerals', whole.format(gauges.ephemerals)],
    ['Outstanding', whole.format(gauges.outstanding)],
    ['Memory', bytes(gauges.residentBytes)],
  ];
  byId('tiles').replaceChildren(...tiles.map(([name, value]) => make('div', { className: 'tile' }, make('b', {}, value), make('span', {}, name))));
  plot('throughput', [['Requests', 'requests', 'first'], ['Commits', 'commits', 'second']], (value) => `${short(value)}/s`);
  plot('latency', [['Reads', 'reads', 'first'], ['Writes', 'updates', 'second']], milliseconds);
  byId('percentiles').replaceChildren(percentiles(overview.latency));
  byId('ensemble').replaceChildren(members(overview));
}

function percentiles({ reads, updates, syncs }) {
  const measured = [['Reads', reads], ['Writes', updates], ['Disk syncs', syncs]].filter(([, { count }]) => count > 0);
  const quantile = (name) => [([, values]) => milliseconds(values[name]), 'number'];
  const columns = [['', ([name]) => name], ['Median', ...quantile('p50')], ['95 %', ...quantile('p95')], ['99 %', ...quantile('p99')], ['99.9 %', ...quantile('p999')], ['Longest', ...quantile('max')], ['Number', ([, { count }]) => whole.format(count), 'number']];
  return table(columns, measured, 'Nothing was asked yet.');
}

const GOOD_STATES = ['leader', 'follower', 'observer', 'synced', 'standalone'];
const BAD_STATES = ['absent', 'not serving', 'not heard of', 'read-only'];

function chip(text) {
  const kind = GOOD_STATES.includes(text) ? ' good' : BAD_STATES.includes(text) ? ' bad' : '';
  return make('span', { className: `chip${kind}` }, text);
}

function members({ ensemble, mode }) {
  if (ensemble.length === 0) return make('p', { className: 'empty' }, 'A standalone server: it is in no ensemble.');
  const columns = [
    ['Server', ({ sid, isSelf }) => `${sid}${isSelf ? ' (this one)' : ''}`],
    ['State', ({ state }) => chip(state === 'unknown' ? 'ask the leader' : state)],
    ['Role', ({ role }) => role],
    ['Quorum and election', ({ address }) => address, 'code'],
    ['Clients', ({ client }) => client ?? '–', 'code'],
    ...(mode === 'leader' ? [['Acknowledged', ({ acked }) => acked ?? '–', 'code']] : []),
  ];
  return table(columns, ensemble, '');
}

const SVG = 'http://www.w3.org/2000/svg';

function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** The smallest of 1, 2, 5, 10, 20 … that is not below. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

function plot(id, series, format) {
  const box = byId(id);
  const { clientWidth: width, clientHeight: height } = box;
  if (width === 0) return;
  const left = 58;
  const bottom = height - 18;
  const top = 6;
  const values = series.flatMap(([, name]) => points.map((point) => point[name] ?? 0));
  const most = roundUp(Math.max(id === 'latency' ? 0.1 : 10, ...values));
  const x = (i) => left + ((i + HISTORY - points.length) / (HISTORY - 1)) * (width - left);
  const y = (value) => bottom - (value / most) * (bottom - top);
  const svg = draw('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
  for (const share of [0, 0.5, 1]) {
    svg.append(draw('line', { class: 'grid', x1: left, x2: width, y1: y(most * share), y2: y(most * share) }));
    svg.append(draw('text', { x: left - 8, y: y(most * share) + 4, 'text-anchor': 'end' }, format(most * share)));
  }
  svg.append(draw('text', { x: left, y: height - 2 }, '2 min ago'), draw('text', { x: width, y: height - 2, 'text-anchor': 'end' }, 'now'));
  for (const [, name, className] of series) svg.append(draw('path', { class: className, d: line(name, x, y) }));
  box.replaceChildren(svg);
  const latest = series.map(([title, name, className]) => [title, points.at(-1)?.[name] ?? null, className]);
  box.setAttribute('aria-label', `${id}: ${latest.map(([title, value]) => `${title} ${value === null ? 'none' : format(value)}`).join(', ')}`);
  byId(`${id}-legend`).replaceChildren(...latest.map(([title, value, className]) => make('span', {}, make('i', { className }), `${title} `, make('b', {}, value === null ? '–' : format(value)))));
}

/** Where nothing was measured, the line has a gap. */
function line(name, x, y) {
  let path = '';
  let isDown = false;
  points.forEach((point, i) => {
    const value = point[name];
    if (value !== null) path += `${isDown ? 'L' : 'M'}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    isDown = value !== null;
  });
  return path;
}

// Sessions and watches

function showSessions({ total, connections, elsewhereTotal, elsewhere }) {
  const number = (name) => [(row) => whole.format(row[name]), 'number'];
  byId('sessions-count').textContent = countOf(total, connections.length);
  byId('sessions-here').replaceChildren(table([
    ['Session', ({ session }) => session ?? 'none yet', 'code'],
    ['Address', ({ address }) => address, 'code'],
    ['Timeout', ({ timeOut }) => `${timeOut / 1000} s`, 'number'],
    ['Ephemerals', ...number('ephemerals')],
    ['Received', ...number('received')],
    ['Sent', ...number('sent')],
    ['Queued', ...number('queued')],
    ['Latency', ({ averageLatency }) => milliseconds(averageLatency), 'number'],
    ['Longest', ({ maxLatency }) => milliseconds(maxLatency), 'number'],
    ['Last request', ({ lastOp }) => lastOp],
  ], connections, 'No client is connected to this server.'));
  byId('elsewhere-count').textContent = countOf(elsewhereTotal, elsewhere.length);
  byId('sessions-elsewhere').replaceChildren(table([
    ['Session', ({ session }) => session, 'code'],
    ['Timeout', ({ timeOut }) => `${timeOut / 1000} s`, 'number'],
    ['Ephemerals', ...number('ephemerals')],
  ], elsewhere, 'None.'));
}

function countOf(total, shown) {
  return total === shown ? whole.format(total) : `${whole.format(total)}, the first ${whole.format(shown)} of them`;
}

function showWatches({ sessions, paths, total, byPath }) {
  byId('watches-count').textContent = `${whole.format(total)} on ${whole.format(paths)} paths, by ${whole.format(sessions)} sessions`;
  byId('watches-table').replaceChildren(table([
    ['Path', ({ path }) => path, 'code wide'],
    ['Watchers', ({ watchers }) => whole.format(watchers), 'number'],
    ['Sessions', (row) => row.sessions.join(', ') + (row.watchers > row.sessions.length ? ', …' : ''), 'code wide'],
  ], byPath, 'Nobody watches anything here.'));
}

// Busiest

function showBusiest({ sessions, subtrees }) {
  for (const [list, rows] of Object.entries(sessions)) {
    byId(`sessions-${list}`).replaceChildren(busiest(rows, ['Session', ({ session }) => session, 'code'], ['Address', ({ address }) => address, 'code']));
  }
  for (const [list, rows] of Object.entries(subtrees)) byId(`subtrees-${list}`).replaceChildren(busiest(rows, ['Path', ({ path }) => path, 'code wide']));
}

/** A bar behind each number says how much of the largest it is. */
function busiest(rows, ...columns) {
  const shown = table([...columns, ['Number', ({ count }) => whole.format(count), 'number share']], rows, 'None.');
  shown.querySelectorAll('td.share').forEach((cell, i) => cell.style.setProperty('--share', rows[i].count / rows[0].count));
  return shown;
}

// Tree

const tree = byId('nodes');
let selected = null;
let shown = null;
let view = 'text';
let message = null;

const join = (path, name) => (path === '/' ? `/${name}` : `${path}/${name}`);
const parentOf = (path) => (path.lastIndexOf('/') <= 0 ? '/' : path.slice(0, path.lastIndexOf('/')));
const itemOf = (path) => [...tree.querySelectorAll('li')].find((item) => item.dataset.path === path);

function treeItem(path, { name, numChildren, kind }, depth) {
  const row = make('div', { className: 'row' }, make('span', { className: 'twist' }), make('span', {}, name));
  row.style.setProperty('--depth', depth);
  if (kind !== 'persistent') row.append(make('span', { className: 'note' }, kind));
  else if (numChildren > 0 && path !== '/') row.append(make('span', { className: 'note' }, whole.format(numChildren)));
  const item = make('li', { role: 'treeitem', tabIndex: -1, 'aria-selected': 'false', 'aria-level': depth + 1 }, row);
  item.dataset.path = path;
  item.dataset.depth = depth;
  if (numChildren > 0) setExpanded(item, false);
  row.addEventListener('click', () => {
    select(item);
    if (item.hasAttribute('aria-expanded')) void toggle(item);
  });
  return item;
}

function setExpanded(item, isExpanded) {
  item.setAttribute('aria-expanded', isExpanded);
  item.querySelector('.twist').textContent = isExpanded ? '▾' : '▸';
}

async function toggle(item, wanted = item.getAttribute('aria-expanded') !== 'true') {
  item.querySelector(':scope > ul')?.remove();
  setExpanded(item, wanted);
  if (!wanted) return;
  const { path } = item.dataset;
  const group = make('ul', { role: 'group' });
  item.append(group);
  try {
    const { children, stat } = await ask('node', { parameters: { path } });
    const depth = Number(item.dataset.depth) + 1;
    group.replaceChildren(...(children ?? []).map((child) => treeItem(join(path, child.name), child, depth)));
    if (children === null) group.append(make('li', { className: 'empty', role: 'none' }, stat.numChildren > 0 ? `${whole.format(stat.numChildren)} children, not listed` : ''));
  } catch (error) {
    group.replaceChildren(make('li', { className: 'empty', role: 'none' }, explain(error)));
  }
}

function select(item) {
  for (const other of tree.querySelectorAll('[aria-selected=true]')) other.setAttribute('aria-selected', 'false');
  for (const other of tree.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  item.setAttribute('aria-selected', 'true');
  item.tabIndex = 0;
  item.focus({ preventScroll: true });
  item.firstChild.scrollIntoView({ block: 'nearest' });
  selected = item.dataset.path;
  message = null;
  byId('znode').inert = true; // it still shows the one before, whose buttons must not be pressed for this one
  void load(selected);
}

async function load(path) {
  try {
    const node = await ask('node', { parameters: { path } });
    if (path === selected) showNode(node);
  } catch (error) {
    if (path !== selected) return;
    byId('znode').replaceChildren(make('div', { className: 'path' }, path), make('p', { className: 'message bad' }, explain(error)));
    byId('znode').inert = false;
  }
}

tree.addEventListener('keydown', (event) => {
  const item = event.target.closest('[role=treeitem]');
  const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const items = [...tree.querySelectorAll('[role=treeitem]')];
  const isOpen = item?.getAttribute('aria-expanded') === 'true';
  if (item === null || event.altKey || event.ctrlKey || event.metaKey) return;
  if (move !== undefined) select(items[items.indexOf(item) + move] ?? item);
  else if (event.key === 'Home') select(items[0]);
  else if (event.key === 'End') select(items.at(-1));
  else if (event.key === 'ArrowRight' && item.hasAttribute('aria-expanded')) {
    if (isOpen) select(items[items.indexOf(item) + 1] ?? item);
    else void toggle(item, true);
  } else if (event.key === 'ArrowLeft') {
    if (isOpen) void toggle(item, false);
    else select(item.parentElement.closest('[role=treeitem]') ?? item);
  } else if ((event.key === 'Enter' || event.key === ' ') && item.hasAttribute('aria-expanded')) void toggle(item);
  else return;
  event.preventDefault();
});

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/** The text, or null when the bytes are none. */
function textOf(data) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch {
    return null;
  }
}

function hexDump(data) {
  const lines = [];
  for (let at = 0; at < data.length; at += 16) {
    const row = [...data.subarray(at, at + 16)];
    const digits = row.map((byte) => byte.toString(16).padStart(2, '0'));
    const letters = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${digits.slice(0, 8).join(' ').padEnd(23)}  ${digits.slice(8).join(' ').padEnd(23)}  ${letters}`);
  }
  return lines.join('\n');
}

function dataView(data) {
  const text = textOf(data);
  if (view === 'hex') return make('pre', { className: 'data hex', tabIndex: 0 }, hexDump(data));
  if (text === null) return make('p', { className: 'empty' }, 'These bytes are no UTF-8 text. Look at them as hex.');
  if (view === 'text') return make('pre', { className: 'data', tabIndex: 0 }, text);
  try {
    return make('pre', { className: 'data', tabIndex: 0 }, JSON.stringify(JSON.parse(text), null, 2));
  } catch {
    return make('p', { className: 'empty' }, 'This is no JSON.');
  }
}

function choice(node) {
  const options = ['text', 'json', 'hex'].map((name) => {
    const input = make('input', { type: 'radio', name: 'view', value: name, checked: name === view });
    input.addEventListener('change', () => {
      view = name;
      showNode(node);
      document.querySelector(`input[name=view][value=${name}]`)?.focus();
    });
    return make('label', {}, input, { text: 'Text', json: 'JSON', hex: 'Hex' }[name]);
  });
  return make('div', { className: 'choice', role: 'radiogroup', 'aria-label': 'Show the data as' }, ...options);
}

const canWrite = () => previous?.isWritable === true && credentials !== null;

function showNode(node) {
  shown = node;
  const { path, readable, data, isNull, acl } = node;
  const parts = [make('div', { className: 'path' }, path)];
  const bar = make('div', { className: 'bar' }, make('h2', {}, 'Data'), make('span', { className: 'grow' }));
  if (readable) bar.append(choice(node));
  if (canWrite()) bar.append(...writeButtons(node));
  parts.push(bar);
  if (!readable) parts.push(make('p', { className: 'empty' }, credentials === null ? 'The ACL keeps this from visitors who have not signed in.' : 'The ACL keeps this from you.'));
  else if (isNull || data === '') parts.push(make('p', { className: 'empty' }, isNull ? 'No data (null).' : 'Empty.'));
  else parts.push(dataView(bytesOf(data)));
  if (message !== null) parts.push(make('p', { className: `message ${message.kind}`, role: 'status' }, message.text));
  parts.push(make('h3', {}, 'Stat'), statList(node));
  parts.push(make('h3', {}, 'ACL'), acl === null ? make('p', { className: 'empty' }, 'Hidden.') : table([['Scheme', (row) => row.scheme], ['Id', (row) => row.id, 'code wide'], ['Permissions', (row) => row.perms, 'code']], acl, 'Empty: everybody may do anything.'));
  byId('znode').replaceChildren(...parts);
  byId('znode').inert = false;
}

function statList({ stat }) {
  const time = (ms) => (ms === 0 ? '–' : new Date(ms).toISOString().replace('T', ' ').slice(0, 23));
  const facts = [
    ['czxid', stat.czxid], ['mzxid', stat.mzxid], ['pzxid', stat.pzxid],
    ['ctime', time(stat.ctime)], ['mtime', time(stat.mtime)],
    ['version', stat.version], ['cversion', stat.cversion], ['aversion', stat.aversion],
    ['ephemeralOwner', stat.ephemeralOwner], ['dataLength', whole.format(stat.dataLength)], ['numChildren', whole.format(stat.numChildren)],
    ['kind', stat.kind === 'ttl' ? `ttl, ${stat.ttlMs} ms` : stat.kind],
  ];
  return make('dl', { className: 'stat' }, ...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, String(value)))));
}

// Changing things

function writeButtons(node) {
  const button = (text, run) => {
    const made = make('button', { type: 'button' }, text);
    made.addEventListener('click', run);
    return made;
  };
  const text = node.readable ? textOf(bytesOf(node.data)) : null;
  return [
    ...(text === null ? [] : [button('Edit', () => edit(node, text))]),
    button('Create child', () => void createChild(node)),
    ...(node.path === '/' ? [] : [button('Delete', () => void remove(node))]),
  ];
}

function edit(node, text) {
  const area = make('textarea', { className: 'edit', value: text, spellcheck: false, 'aria-label': `Data of ${node.path}` });
  const save = make('button', { type: 'button', className: 'primary' }, 'Save');
  const cancel = make('button', { type: 'button' }, 'Cancel');
  cancel.addEventListener('click', () => showNode(shown));
  save.addEventListener('click', () => void write('PUT', { path: node.path, version: node.stat.version }, area.value, 'Saved.'));
  byId('znode').replaceChildren(make('div', { className: 'path' }, node.path), make('div', { className: 'bar' }, make('h2', {}, 'Data'), make('span', { className: 'grow' }), cancel, save), area);
  area.focus();
}

async function createChild({ path }) {
  const name = await question({ title: `Create a child of ${path}`, yes: 'Create', asksName: true });
  if (name !== null && (await write('POST', { path: join(path, name) }, '', `Created ${join(path, name)}, open to everybody.`, path))) await refresh(path);
}

async function remove({ path, stat }) {
  const answer = await question({ title: `Delete ${path}?`, yes: 'Delete', asksName: false });
  if (answer === null || !(await write('DELETE', { path, version: stat.version }, undefined, `Deleted ${path}.`, parentOf(path)))) return;
  await refresh(parentOf(path));
}

/** @param then the znode to show afterwards; the same one unless given */
async function write(method, parameters, body, success, then = parameters.path) {
  const report = (kind, text) => {
    message = { kind, text };
  };
  try {
    await ask('node', { method, parameters, body });
    report('good', success);
    selected = then;
    await load(then);
    return true;
  } catch (error) {
    report('bad', explain(error));
    await load(selected);
    return false;
  }
}

async function refresh(path) {
  const item = itemOf(path);
  if (item === undefined) return;
  await toggle(item, true);
  const kept = message;
  select(item);
  message = kept;
}

function question({ title, yes, asksName }) {
  const dialog = byId('question');
  byId('question-title').textContent = title;
  byId('question-yes').textContent = yes;
  byId('question-label').hidden = !asksName;
  byId('question-name').value = '';
  byId('question-name').required = asksName;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'ok' ? byId('question-name').value : null), { once: true });
  });
}
byId('question-no').addEventListener('click', () => byId('question').close());

// Signing in

byId('sign-in').addEventListener('click', () => byId('credentials').showModal());
byId('cancel').addEventListener('click', () => byId('credentials').close());
byId('sign-out').addEventListener('click', () => {
  byId('credentials').close();
  become(null);
});
byId('credentials').addEventListener('close', () => {
  if (byId('credentials').returnValue === 'ok') become({ user: byId('user').value, password: byId('password').value });
  byId('credentials').returnValue = '';
  byId('password').value = '';
});

function become(whom) {
  credentials = whom;
  byId('sign-in').textContent = whom === null ? 'Sign in' : `Signed in as ${whom.user}`;
  byId('sign-out').hidden = whom === null;
  if (selected !== null) void load(selected);
}

// Views

const VIEWS = ['overview', 'sessions', 'watches', 'busiest', 'tree'];
let current = 'overview';

function show(name) {
  current = name;
  for (const other of VIEWS) {
    byId(other).hidden = other !== name;
    byId(`tab-${other}`).setAttribute('aria-selected', other === name);
    byId(`tab-${other}`).tabIndex = other === name ? 0 : -1;
  }
  if (name === 'tree' && tree.children.length === 0) void plantTree();
  void poll();
}

async function plantTree() {
  const root = treeItem('/', { name: '/', numChildren: 1, kind: 'persistent' }, 0);
  tree.append(root);
  select(root);
  await toggle(root, true);
}

for (const name of VIEWS) byId(`tab-${name}`).addEventListener('click', () => (location.hash = name));
document.querySelector('.tabs').addEventListener('keydown', (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  location.hash = VIEWS[(VIEWS.indexOf(current) + step + VIEWS.length) % VIEWS.length];
  byId(`tab-${VIEWS[(VIEWS.indexOf(current) + step + VIEWS.length) % VIEWS.length]}`).focus();
});
const viewOfHash = () => (VIEWS.includes(location.hash.slice(1)) ? location.hash.slice(1) : 'overview');
addEventListener('hashchange', () => show(viewOfHash()));
addEventListener('resize', () => previous !== null && showOverview(previous));

function showHeader({ mode, version, lastZxid, inRoleForMs, sid, leader, ensemble }) {
  const role = byId('mode');
  role.textContent = mode;
  role.className = `chip ${GOOD_STATES.includes(mode) ? 'good' : 'bad'}`;
  const who = ensemble.length === 0 ? '' : `server ${sid} of ${ensemble.length}${leader === null || leader === sid ? '' : `, server ${leader} leads`} · `;
  byId('facts').textContent = `${who}zxid ${lastZxid} · ${mode} for ${duration(inRoleForMs)} · ${version}`;
  document.title = `${mode} · ZooKeeper`;
}

async function poll() {
  try {
    const overview = await ask('overview');
    remember(overview);
    showHeader(overview);
    if (current === 'overview') showOverview(overview);
    if (current === 'sessions') showSessions(await ask('sessions'));
    if (current === 'watches') showWatches(await ask('watches'));
    if (current === 'busiest') showBusiest(await ask('top'));
    byId('trouble').hidden = true;
  } catch (error) {
    byId('trouble').textContent = explain(error);
    byId('trouble').hidden = false;
  }
}

show(viewOfHash());
setInterval(() => document.hidden || void poll(), POLL_MS);

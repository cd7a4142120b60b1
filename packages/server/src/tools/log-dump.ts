import { basename } from 'node:path';
import { decodeTxn, ErrorCode, hex, isUnder, OpCode, opName, type Txn, type TxnBody } from '@zk/protocol';
import { listLogs, nodeDisk, scanLog, type LogItem, type NamedFile } from '@zk/store';
import { printable } from './data-text.ts';
import { LineOutput } from './output.ts';
import { sourceOf } from './source.ts';
import { ToolError, ToolExit, type ToolCall } from './tool.ts';
import { bytesText, isoTime, jsonLine, pathFrom, sessionFrom, zxidFrom } from './values.ts';

type Damage = Extract<LogItem, { kind: 'damage' }>;

interface Filter {
  readonly from: bigint | null;
  readonly to: bigint | null;
  readonly path: string | null;
  readonly session: bigint | null;
}

/** `log dump`: every txn of log files, one a line. Exit code 1 when something in between could not be read. */
export function dumpLogs(call: ToolCall): number {
  const option = <T>(name: string, read: (text: string) => T): T | null => {
    const text = call.value(name);
    return text === null ? null : read(text);
  };
  const filter: Filter = { from: option('from', zxidFrom), to: option('to', zxidFrom), path: option('path', pathFrom), session: option('session', sessionFrom) };
  const output = new LineOutput(call.terminal);
  const json = call.isSet('json');
  const show = json ? jsonOf : textOf;
  let isDamaged = false;
  for (const file of call.operands.flatMap((operand) => logsOf(operand, filter))) {
    for (const item of scanLog(nodeDisk, file.path)) {
      if (item.kind === 'damage') {
        isDamaged = true;
        output.flush();
        call.terminal.error(`${damageLine(file, item)}\n`);
      }
      if (item.kind !== 'record' || !isWithin(item.zxid, filter)) continue;
      const txn = decoded(item.entry, file, item.offset);
      if (isWanted(txn, filter)) output.line(show(txn, { file: basename(file.path), offset: item.offset, withData: call.isSet('data') }));
    }
  }
  output.flush();
  return isDamaged ? ToolExit.FAILED : ToolExit.DONE;
}

/** The files that can have what is asked for: each begins with the txn it is named for. */
function logsOf(operand: string, { from, to }: Filter): NamedFile[] {
  const source = sourceOf(operand);
  if (source.kind === 'snapshot') throw new ToolError(`${operand} is a snapshot: zk-server snapshot dump reads it`);
  if (source.kind === 'log') return [source.file];
  const logs = listLogs(nodeDisk, source.files.logs);
  return logs.filter(({ zxid }, index) => (to === null || zxid <= to) && (from === null || (logs[index + 1]?.zxid ?? from) >= from));
}

const isWithin = (zxid: bigint, { from, to }: Filter): boolean => (from === null || zxid >= from) && (to === null || zxid <= to);

function isWanted({ header, body }: Txn, { path, session }: Filter): boolean {
  if (session !== null && header.clientId !== session) return false;
  return path === null || pathsOf(body).some((one) => isUnder(one, path));
}

function pathsOf(body: TxnBody): string[] {
  if (body.type === OpCode.multi) return body.txns.flatMap(pathsOf);
  if (body.type === OpCode.closeSession) return body.paths ?? [];
  return 'path' in body ? [body.path] : [];
}

function decoded(entry: Buffer, file: NamedFile, offset: number): Txn {
  try {
    return decodeTxn(entry);
  } catch (error) {
    throw new ToolError(`${file.path}: the txn at offset ${offset} has the right checksum and cannot be decoded: ${(error as Error).message}`);
  }
}

function damageLine({ path }: NamedFile, { offset, end, reason }: Damage): string {
  return `${basename(path)}: damaged at offset ${offset}: ${reason}; going on at ${end}`;
}

interface Shown {
  readonly file: string;
  readonly offset: number;
  readonly withData: boolean;
}

function textOf({ header, body, digest }: Txn, { withData }: Shown): string {
  const { zxid, clientId, cxid, time } = header;
  const end = withData && digest !== null ? `  digest ${digest.version},${BigInt.asUintN(64, digest.treeDigest)}` : '';
  return `${hex(zxid)}  ${isoTime(Number(time))}  session ${hex(clientId)}  cxid ${hex(BigInt(cxid >>> 0))}  ${bodyText(body, withData)}${end}`;
}

function bodyText(body: TxnBody, withData: boolean): string {
  return [opName(body.type), ...bodyWords(body, withData)].join('  ');
}

function bodyWords(body: TxnBody, withData: boolean): string[] {
  switch (body.type) {
    case OpCode.create:
    case OpCode.create2:
      return [body.path, ...dataWords(body.data, withData), ...(body.ephemeral ? ['ephemeral'] : [])];
    case OpCode.createContainer:
      return [body.path, ...dataWords(body.data, withData)];
    case OpCode.createTTL:
      return [body.path, ...dataWords(body.data, withData), `ttl ${body.ttl} ms`];
    case OpCode.delete:
    case OpCode.deleteContainer:
      return [body.path];
    case OpCode.setData:
    case OpCode.reconfig:
      return [body.path, ...dataWords(body.data, withData), `version ${body.version}`];
    case OpCode.setACL:
      return [body.path, `aversion ${body.version}`, body.acl.map(({ perms, id }) => `${id.scheme}:${id.id}:${perms}`).join(',')];
    case OpCode.check:
      return [body.path, `version ${body.version}`];
    case OpCode.createSession:
      return [`timeout ${body.timeOut} ms`];
    case OpCode.closeSession:
      return body.paths === null ? [] : [`deletes ${body.paths.length === 0 ? 'nothing' : body.paths.join(' ')}`];
    case OpCode.error:
      return [errorText(body.err)];
    case OpCode.multi:
      return [`{ ${body.txns.map((one) => bodyText(one, withData)).join(' ; ')} }`];
  }
}

function dataWords(data: Buffer | null, withData: boolean): string[] {
  if (data === null) return ['null'];
  return [bytesText(data.length), ...(withData && data.length > 0 ? [printable(data)] : [])];
}

const ERROR_NAMES = new Map<number, string>(Object.entries(ErrorCode).map(([name, code]) => [code, name]));

const errorText = (code: number): string => `err ${code} ${ERROR_NAMES.get(code) ?? ''}`.trim();

function jsonOf({ header, body, digest }: Txn, { file, offset, withData }: Shown): string {
  const { zxid, clientId, cxid, time } = header;
  const tail = digest === null ? {} : { digest: { version: digest.version, value: String(BigInt.asUintN(64, digest.treeDigest)) } };
  return jsonLine({ zxid, time: isoTime(Number(time)), session: hex(clientId), cxid, ...bodyFields(body, withData), ...tail, file, offset });
}

function bodyFields(body: TxnBody, withData: boolean): object {
  const type = opName(body.type);
  if (body.type === OpCode.multi) return { type, txns: body.txns.map((one) => bodyFields(one, withData)) };
  if (body.type === OpCode.error) return { type, err: body.err, error: ERROR_NAMES.get(body.err) ?? null };
  if (!('data' in body)) return { ...body, type };
  const { data, ...rest } = body;
  return { ...rest, type, bytes: data?.length ?? null, ...(withData ? { data: data?.toString('base64') ?? null } : {}) };
}

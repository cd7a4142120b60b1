import { join } from 'node:path';
import { userInfo } from 'node:os';
import type { AuditEntry } from '@zk/peer';
import { hex } from '@zk/protocol';
import { destination, type DestinationStream } from 'pino';
import type { Log } from './log.ts';

const FILE_NAME = 'zookeeper_audit.log';

/** One line of Apache's audit log: tab-separated, in this order, what is absent left out (operations.md section 11). */
export function auditLine(entry: AuditEntry, serverUser: string): string {
  const { session, ip, operation, znode, znodeType, acl, result } = entry;
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['session', session === undefined ? undefined : hex(session)],
    ['user', entry.user ?? serverUser],
    ['ip', ip],
    ['operation', operation],
    ['znode', znode],
    ['znode_type', znodeType],
    ['acl', acl],
    ['result', result],
  ];
  return fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${oneLine(value)}`])).join('\t');
}

/** A user name is the client's choice: it must not forge another field, or another line. */
function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Keeps the audit log (`audit.enable=true`). */
export class AuditLog {
  readonly #write: (entry: AuditEntry, line: string) => void;
  readonly #user = userInfo().username;

  constructor(write: (entry: AuditEntry, line: string) => void) {
    this.#write = write;
  }

  /**
   * In ZOO_LOG_DIR/zookeeper_audit.log, laid out as by Apache's logback.xml; without ZOO_LOG_DIR among the other log lines,
   * told by `audit: true`. Written at once: a crash loses no line.
   */
  static of(env: NodeJS.ProcessEnv, log: Log): AuditLog {
    const directory = env['ZOO_LOG_DIR'];
    if (directory) return AuditLog.into(destination({ dest: join(directory, FILE_NAME), sync: true, mkdir: true, append: true }));
    const audit = log.child({ audit: true });
    return new AuditLog((entry, line) => (isFailure(entry) ? audit.error(line) : audit.info(line)));
  }

  static into(stream: DestinationStream): AuditLog {
    return new AuditLog((entry, line) => {
      stream.write(`${timestamp(new Date())} ${isFailure(entry) ? 'ERROR' : 'INFO'} audit.Slf4jAuditLogger: ${line}\n`);
    });
  }

  write(entry: AuditEntry): void {
    this.#write(entry, auditLine(entry, this.#user));
  }
}

function isFailure({ result }: AuditEntry): boolean {
  return result === 'failure';
}

/** Logback's ISO8601: local time, a comma before the milliseconds. */
function timestamp(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${day} ${time},${String(date.getMilliseconds()).padStart(3, '0')}`;
}

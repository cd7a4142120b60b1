import { execFile } from 'node:child_process';
import type { Log } from '../log.ts';

/**
 * Tells systemd how the server is doing, when it asked to be told (Type=notify). Node has no unix datagram sockets, so
 * systemd's own messenger carries the word: the unit needs NotifyAccess=all, for the messenger is another process.
 */
export class SystemdNotifier {
  readonly #isAsked: boolean;
  readonly #log: Log;

  constructor(env: NodeJS.ProcessEnv, log: Log) {
    this.#isAsked = (env['NOTIFY_SOCKET'] ?? '') !== '';
    this.#log = log;
  }

  ready(status: string): void {
    this.#send('--ready', `--pid=${process.pid}`, `--status=${status}`);
  }

  status(status: string): void {
    this.#send(`--status=${status}`);
  }

  stopping(): void {
    this.#send('STOPPING=1', '--status=stopping');
  }

  #send(...words: string[]): void {
    if (!this.#isAsked) return;
    execFile('systemd-notify', words, (error) => {
      if (error !== null) this.#log.warn({ reason: error.message }, 'systemd not notified; use Type=exec where systemd-notify is missing');
    });
  }
}

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Job, Measurement } from './load/job.ts';

/** The load generator, in a process of its own. */
export class LoadProcess {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('./load/main.js', import.meta.url)));

  /** @throws Error when the load could not be made, as when a server closed a connection */
  async run(job: Job): Promise<Measurement> {
    const answered = Promise.race([once(this.#child, 'message'), once(this.#child, 'exit').then(() => [{ failure: 'it ended' }])]);
    this.#child.send(job);
    const [answer] = (await answered) as [Measurement | { failure: string }];
    if ('failure' in answer) throw new Error(`the load process failed: ${answer.failure}`);
    return answer;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modeOf, zxidOf } from './four-letter-word.ts';
import { freePorts, isListening } from './ports.ts';
import { ServerProcess } from './server-process.ts';
import { until } from './until.ts';

/** How one member is run: ours, or Apache's of some version. It gets the path of its zoo.cfg. */
export type Implementation = (configFile: string) => { command: string; args: string[]; env?: NodeJS.ProcessEnv };

export interface Member {
  readonly sid: number;
  readonly clientPort: number;
  readonly quorumPort: number;
  readonly electionPort: number;
  readonly configFile: string;
  readonly dataDir: string;
  /** Which implementation the next start runs: an ensemble is moved from one to the other by changing it. */
  implementation: Implementation;
  process: ServerProcess | null;
}

export interface EnsembleOptions {
  /** One entry a member, in the order of their ids. */
  readonly implementations: readonly Implementation[];
  /** Ids of members that are observers. */
  readonly observers?: readonly number[];
  /** Further lines of every zoo.cfg. */
  readonly extra?: readonly string[];
  readonly tickTime?: number;
}

/** Real server processes on loopback, in a directory of their own that goes away with `stop()`. */
export class Ensemble {
  readonly directory: string;
  readonly members: readonly Member[];

  private constructor(directory: string, members: readonly Member[]) {
    this.directory = directory;
    this.members = members;
  }

  /** Writes the configuration of every member; starts nothing. One implementation alone makes a standalone server. */
  static async create(options: EnsembleOptions): Promise<Ensemble> {
    const directory = mkdtempSync(join(tmpdir(), 'zk-test-'));
    const ports = await freePorts(options.implementations.length * 3);
    const members = options.implementations.map((implementation, index): Member => {
      const sid = index + 1;
      const [clientPort, quorumPort, electionPort] = ports.slice(index * 3, index * 3 + 3) as [number, number, number];
      const dataDir = join(directory, `zoo${sid}`);
      const configFile = join(directory, `zoo${sid}.cfg`);
      return { sid, clientPort, quorumPort, electionPort, dataDir, configFile, implementation, process: null };
    });
    const isObserver = (sid: number): boolean => options.observers?.includes(sid) ?? false;
    const servers = members.map(
      (m) => `server.${m.sid}=127.0.0.1:${m.quorumPort}:${m.electionPort}${isObserver(m.sid) ? ':observer' : ''}`,
    );
    for (const member of members) {
      mkdirSync(member.dataDir, { recursive: true });
      writeFileSync(join(member.dataDir, 'myid'), `${member.sid}\n`);
      const lines = [
        `tickTime=${options.tickTime ?? 500}`,
        'initLimit=20',
        'syncLimit=10',
        `dataDir=${member.dataDir}`,
        `clientPort=${member.clientPort}`,
        'maxClientCnxns=0',
        'admin.enableServer=false',
        '4lw.commands.whitelist=*',
        'preAllocSize=64',
        ...(isObserver(member.sid) ? ['peerType=observer'] : []),
        ...(options.extra ?? []),
        ...(members.length > 1 ? servers : []),
      ];
      writeFileSync(member.configFile, `${lines.join('\n')}\n`);
    }
    return new Ensemble(directory, members);
  }

  /**
   * `create()`, then every member started and serving, the last of them leading: its id is the highest, so whenever
   * another one leads it is enough to restart that one.
   */
  static async start(options: EnsembleOptions): Promise<Ensemble> {
    const ensemble = await Ensemble.create(options);
    const last = ensemble.members.findLast(({ sid }) => !options.observers?.includes(sid)) as Member;
    ensemble.startMember(last);
    if (ensemble.members.length > 1) await until(`server.${last.sid} on its election port`, () => isListening(last.electionPort));
    for (const member of ensemble.members) if (member !== last) ensemble.startMember(member);
    for (let leader = await ensemble.settled(); leader !== last; leader = await ensemble.settled()) {
      await ensemble.kill(leader, 'SIGTERM');
      await until('another leader', async () => (await Promise.all(ensemble.running.map((m) => modeOf(m.clientPort)))).includes('leader'));
      ensemble.startMember(leader);
    }
    return ensemble;
  }

  startMember(member: Member): void {
    const { command, args, env } = member.implementation(member.configFile);
    member.process = new ServerProcess(`server.${member.sid}`, command, args, env);
  }

  member(sid: number): Member {
    const member = this.members.find((m) => m.sid === sid);
    if (!member) throw new Error(`no server.${sid} here`);
    return member;
  }

  /** The members whose process runs. */
  get running(): Member[] {
    return this.members.filter((m) => m.process !== null);
  }

  /** `127.0.0.1:port,…` of every member, running or not. */
  get connectString(): string {
    return this.members.map((m) => `127.0.0.1:${m.clientPort}`).join(',');
  }

  /** Every running member serves; one of them leads (or is standalone). Returns the leader. */
  async settled(timeoutMs = 60_000): Promise<Member> {
    return until(
      'every member serving, one of them leading',
      async () => {
        for (const member of this.running) {
          if (member.process?.exited) throw new Error(`${member.process.name} ended:\n${member.process.tail()}`);
        }
        const modes = await Promise.all(this.running.map((m) => modeOf(m.clientPort)));
        const leader = this.running[modes.findIndex((mode) => mode === 'leader' || mode === 'standalone')];
        return modes.every((mode) => mode !== undefined) && leader;
      },
      timeoutMs,
    );
  }

  /** Nothing is under way any more: what one running member has applied, all have. */
  async level(): Promise<void> {
    await until('every member with the same last txn', async () => {
      const zxids = await Promise.all(this.running.map(({ clientPort }) => zxidOf(clientPort)));
      return zxids[0] !== undefined && new Set(zxids).size === 1;
    });
  }

  async kill(member: Member, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await member.process?.stop(signal);
    member.process = null;
  }

  /** Ends every process started here and removes the directory. */
  async stop(): Promise<void> {
    await Promise.all(this.running.map((member) => this.kill(member)));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

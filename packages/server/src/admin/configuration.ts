import type { ServerSpec } from '@zk/protocol';
import { version2In } from '@zk/store';
import type { AdminView } from './view.ts';

/** The values that `conf` prints and `/commands/configuration` reports, by the names of `conf`, in its order. */
export function configurationOf({ config, directorySizes, status }: AdminView): readonly (readonly [string, string | number])[] {
  const { settings } = config;
  const tickTime = settings.get('tickTime');
  const bound = (key: 'minSessionTimeout' | 'maxSessionTimeout', ticks: number): number => (settings.get(key) === -1 ? ticks * tickTime : settings.get(key));
  const always: (readonly [string, string | number])[] = [
    ['clientPort', config.client?.port ?? -1],
    ['secureClientPort', -1],
    ['dataDir', version2In(config.dataDir)],
    ['dataDirSize', directorySizes.data],
    ['dataLogDir', version2In(config.dataLogDir)],
    ['dataLogSize', directorySizes.log],
    ['tickTime', tickTime],
    ['maxClientCnxns', settings.get('maxClientCnxns')],
    ['minSessionTimeout', bound('minSessionTimeout', 2)],
    ['maxSessionTimeout', bound('maxSessionTimeout', 20)],
    ['clientPortListenBacklog', settings.get('clientPortListenBacklog')],
    ['serverId', String(config.sid)],
  ];
  if (config.ensemble === null) return always;
  const own: ServerSpec | undefined = (status.ensemble ?? config.ensemble).servers.get(config.sid);
  const [address] = own?.addresses ?? [];
  return [
    ...always,
    ['initLimit', settings.get('initLimit') ?? 0],
    ['syncLimit', settings.get('syncLimit') ?? 0],
    ['electionAlg', 3],
    ['electionPort', address?.electionPort ?? -1],
    ['quorumPort', address?.quorumPort ?? -1],
    ['peerType', own?.role === 'observer' ? 1 : 0],
  ];
}

/** `conf`: ends with the membership, which has no newline behind its version. */
export function conf(view: AdminView): string {
  const lines = configurationOf(view).map(([key, value]) => `${key}=${value}\n`).join('');
  const { ensemble, serving } = view.status;
  return ensemble === null || serving === 'readOnly' ? lines : `${lines}membership: \n${ensemble.toText()}`;
}

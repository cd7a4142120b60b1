import { counterOf, epochOf, hex, opName, packetName } from '@zk/protocol';
import type { QuorumPacket, Zxid } from '@zk/protocol';
import type { Epochs, LeaderEffect } from './leader-io.ts';
import type { LearnerEffect } from './learner-io.ts';

/** An effect as one line, the same in production logs and in test transcripts: `append 5.1`, `PROPOSAL 5.1 → 2`. */
export function describe(effect: LeaderEffect | LearnerEffect): string {
  switch (effect.kind) {
    case 'send': return 'link' in effect ? `${packetLine(effect.packet)} → ${effect.link}` : packetLine(effect.packet);
    case 'sendImage': return `SNAP → ${effect.link}`;
    case 'disconnect': return `disconnect ${effect.link}: ${effect.reason}`;
    case 'saveEpochs': return `save ${epochsLine(effect.epochs)}`;
    case 'append': return `append ${zxidText(effect.proposal.zxid)}`;
    case 'commit': return `commit ${zxidText(effect.proposal.zxid)}`;
    case 'proposedConfig': return `proposed config version ${hex(effect.config.version)}`;
    case 'config': return `config version ${hex(effect.config.version)}`;
    case 'serve': return 'lastZxid' in effect ? `serve epoch ${effect.epoch} from ${zxidText(effect.lastZxid)}` : `serve epoch ${effect.epoch}`;
    case 'request': return `request ${opName(effect.op)} of ${hex(effect.session)} cxid ${effect.cxid} from ${effect.link}`;
    case 'touch': return `touch ${hex(effect.session)} ${effect.timeOut} ms`;
    case 'revalidate': return `revalidate ${hex(effect.session)} ${effect.timeOut} ms for ${effect.link}`;
    case 'revalidated': return `revalidated ${hex(effect.session)} ${effect.valid ? 'valid' : 'invalid'}`;
    case 'synced': return 'synced';
    case 'stepDown': return `step down: ${effect.reason}`;
    case 'truncate': return `truncate to ${zxidText(effect.to)}`;
    case 'saveImage': return 'save image';
    case 'flush': return 'flush';
    case 'lost': return `lost: ${effect.reason} (${effect.remains})`;
    case 'fatal': return `fatal ${effect.code}: ${effect.reason}`;
  }
}

/** Effects in one line; a packet that goes to several links is named once: `PROPOSAL 5.1 → 2 3 | append 5.1`. */
export function describeAll(effects: readonly (LeaderEffect | LearnerEffect)[]): string {
  const lines: string[] = [];
  let last: QuorumPacket | null = null;
  for (const effect of effects) {
    const isSend = effect.kind === 'send' && 'link' in effect;
    if (isSend && effect.packet === last) lines.push(`${lines.pop()} ${effect.link}`);
    else lines.push(describe(effect));
    last = isSend ? effect.packet : null;
  }
  return lines.join(' | ');
}

/** `5.1` for 0x500000001. */
export function zxidText(zxid: Zxid): string {
  return zxid === -1n ? '-1' : `${epochOf(zxid)}.${counterOf(zxid)}`;
}

function packetLine({ type, zxid }: QuorumPacket): string {
  const name = packetName(type);
  return zxid === -1n || name === 'SYNC' ? name : `${name} ${zxidText(zxid as Zxid)}`;
}

function epochsLine({ accepted, current }: Partial<Epochs>): string {
  const parts: string[] = [];
  if (accepted !== undefined) parts.push(`acceptedEpoch ${accepted}`);
  if (current !== undefined) parts.push(`currentEpoch ${current}`);
  return parts.join(' ');
}

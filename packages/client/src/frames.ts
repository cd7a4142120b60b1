import { Writer } from '@zk/jute';
import {
  AuthPacket, ConnectRequest, OpCode, SetWatches, SetWatches2,
  type SessionId, type Zxid,
} from '@zk/protocol';
import type { WatchRegistry } from './watch-registry.ts';

/** The xids that are not a request's number (client.md 1.5). */
export const Xid = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const;

/** Apache's clients split setWatches at about this much path text, to stay below jute.maxbuffer. */
const SET_WATCHES_BYTES = 128 * 1024;
const NO_BODY = Buffer.alloc(0);
const HEADER_BYTES = 12;

export interface Auth {
  readonly scheme: string;
  readonly auth: Buffer | string;
}

/** A whole frame: length, xid, type, body. */
export function requestFrame(xid: number, type: number, body: Buffer = NO_BODY): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  frame.writeInt32BE(frame.length - 4, 0);
  frame.writeInt32BE(xid, 4);
  frame.writeInt32BE(type, 8);
  body.copy(frame, HEADER_BYTES);
  return frame;
}

export function connectFrame(session: {
  lastZxidSeen: Zxid; timeOut: number; sessionId: SessionId; passwd: Buffer; readOnly: boolean;
}): Buffer {
  const writer = new Writer(64);
  const length = writer.beginLength();
  ConnectRequest.write(writer, { protocolVersion: 0, ...session });
  writer.endLength(length);
  return writer.finish();
}

export function authFrame({ scheme, auth }: Auth): Buffer {
  const writer = new Writer(64);
  AuthPacket.write(writer, { type: 0, scheme, auth: Buffer.from(auth) });
  return requestFrame(Xid.auth, OpCode.auth, writer.finish());
}

/** What tells a new connection which watches there are: no frame when there are none, several when there are many. */
export function setWatchesFrames(watches: WatchRegistry, relativeZxid: Zxid): Buffer[] {
  const lists: WatchLists = {
    dataWatches: watches.paths('data'),
    existWatches: watches.paths('exist'),
    childWatches: watches.paths('child'),
    persistentWatches: watches.paths('persistent'),
    persistentRecursiveWatches: watches.paths('recursive'),
  };
  return split(lists, SET_WATCHES_BYTES).map((part) => {
    // Servers before 3.6 know the older request only, and no persistent watches either.
    const old = part.persistentWatches.length + part.persistentRecursiveWatches.length === 0;
    const writer = new Writer(1024);
    (old ? SetWatches : SetWatches2).write(writer, { relativeZxid, ...part });
    return requestFrame(Xid.setWatches, old ? OpCode.setWatches : OpCode.setWatches2, writer.finish());
  });
}

type WatchLists = Record<
  'dataWatches' | 'existWatches' | 'childWatches' | 'persistentWatches' | 'persistentRecursiveWatches',
  string[]
>;

/** The same lists in parts of at most about `bytes` of path text; none for empty lists. */
function split(lists: WatchLists, bytes: number): WatchLists[] {
  const parts: WatchLists[] = [];
  let room = 0;
  for (const [list, paths] of Object.entries(lists) as [keyof WatchLists, string[]][]) {
    for (const path of paths) {
      if (room < path.length) {
        parts.push({ dataWatches: [], existWatches: [], childWatches: [], persistentWatches: [], persistentRecursiveWatches: [] });
        room = bytes;
      }
      (parts.at(-1) as WatchLists)[list].push(path);
      room -= path.length;
    }
  }
  return parts;
}

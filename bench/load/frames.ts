/** Where a request's xid lies in its frame: behind the length. It is filled in when the frame is sent. */
export const XID_OFFSET = 4;

const OPEN_ACL = Buffer.concat([int(1), int(31), text('world'), text('anyone')]);
const NO_WATCH = Buffer.from([0]);
const WATCH = Buffer.from([1]);
const Op = { create: 1, delete: 2, exists: 3, getData: 4, setData: 5, getChildren2: 12, multi: 14, closeSession: -11 } as const;

/** The first frame of a connection. */
export function connectFrame(timeoutMs: number): Buffer {
  return framed(int(0), Buffer.alloc(8), int(timeoutMs), Buffer.alloc(8), bytes(Buffer.alloc(16)), Buffer.from([0]));
}

export function getDataFrame(path: string, watch = false): Buffer {
  return request(Op.getData, text(path), watch ? WATCH : NO_WATCH);
}

export function existsFrame(path: string): Buffer {
  return request(Op.exists, text(path), NO_WATCH);
}

export function getChildrenFrame(path: string): Buffer {
  return request(Op.getChildren2, text(path), NO_WATCH);
}

/** Whatever the version. */
export function setDataFrame(path: string, data: Buffer): Buffer {
  return request(Op.setData, setDataBody(path, data));
}

/** A persistent znode with an open ACL. */
export function createFrame(path: string, data: Buffer): Buffer {
  return request(Op.create, text(path), bytes(data), OPEN_ACL, int(0));
}

export function deleteFrame(path: string): Buffer {
  return request(Op.delete, text(path), int(-1));
}

export function closeSessionFrame(): Buffer {
  return request(Op.closeSession);
}

/** All of these set, or none. */
export function multiSetFrame(paths: readonly string[], data: Buffer): Buffer {
  const items = paths.map((path) => Buffer.concat([multiHeader(Op.setData, false), setDataBody(path, data)]));
  return request(Op.multi, ...items, multiHeader(-1, true));
}

function setDataBody(path: string, data: Buffer): Buffer {
  return Buffer.concat([text(path), bytes(data), int(-1)]);
}

function multiHeader(type: number, isEnd: boolean): Buffer {
  return Buffer.concat([int(type), Buffer.from([isEnd ? 1 : 0]), int(-1)]);
}

function request(op: number, ...body: Buffer[]): Buffer {
  return framed(int(0), int(op), ...body);
}

function framed(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int(body.length), body]);
}

function int(value: number): Buffer {
  const four = Buffer.alloc(4);
  four.writeInt32BE(value);
  return four;
}

function bytes(value: Buffer): Buffer {
  return Buffer.concat([int(value.length), value]);
}

function text(value: string): Buffer {
  return bytes(Buffer.from(value));
}

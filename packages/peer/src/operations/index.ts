import { OpCode } from '@zk/protocol';
import { create, create2, createContainer, createTTL } from './create.ts';
import { deleteNode } from './delete.ts';
import { exists } from './exists.ts';
import { getAcl } from './get-acl.ts';
import { getChildren, getChildren2 } from './get-children.ts';
import { getData } from './get-data.ts';
import { getAllChildrenNumber, getEphemerals, ping, sync, whoAmI } from './inquiries.ts';
import { multi } from './multi.ts';
import { multiRead } from './multi-read.ts';
import type { ReadOperation } from './read-operation.ts';
import { reconfig } from './reconfig.ts';
import { setAcl } from './set-acl.ts';
import { setData } from './set-data.ts';
import { addWatch, checkWatches, removeWatches, setWatches, setWatches2 } from './watches.ts';
import type { WriteOperation } from './write-operation.ts';

/** What a client may ask to be changed. deleteContainer is not among it: it has no ACL check (client.md 2.7, T59). */
export const writes: ReadonlyMap<number, WriteOperation<unknown>> = new Map<number, WriteOperation<unknown>>([
  [OpCode.create, create],
  [OpCode.create2, create2],
  [OpCode.createContainer, createContainer],
  [OpCode.createTTL, createTTL],
  [OpCode.delete, deleteNode],
  [OpCode.setData, setData],
  [OpCode.setACL, setAcl],
  [OpCode.multi, multi],
  [OpCode.reconfig, reconfig],
]);

/** What a client may ask to be told. */
export const reads: ReadonlyMap<number, ReadOperation> = new Map<number, ReadOperation>([
  [OpCode.exists, exists],
  [OpCode.getData, getData],
  [OpCode.getACL, getAcl],
  [OpCode.getChildren, getChildren],
  [OpCode.getChildren2, getChildren2],
  [OpCode.getAllChildrenNumber, getAllChildrenNumber],
  [OpCode.getEphemerals, getEphemerals],
  [OpCode.multiRead, multiRead],
  [OpCode.ping, ping],
  [OpCode.sync, sync],
  [OpCode.whoAmI, whoAmI],
  [OpCode.addWatch, addWatch],
  [OpCode.checkWatches, checkWatches],
  [OpCode.removeWatches, removeWatches],
  [OpCode.setWatches, setWatches],
  [OpCode.setWatches2, setWatches2],
]);

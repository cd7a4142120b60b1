import type { Command } from '../command.ts';
import { addAuth, getAcl, setAcl, whoAmI } from './access.ts';
import { create } from './create.ts';
import { deleteAll, remove } from './delete.ts';
import { config, reconfig, version } from './ensemble.ts';
import { delQuota, listQuota, setQuotaCommand } from './quota.ts';
import { get, getAllChildrenNumber, getEphemerals, ls, stat } from './read.ts';
import { addWatch, removeWatches } from './watches.ts';
import { set, sync } from './write.ts';

/** Every command that talks to a server, by name; those about the shell itself are in shell.ts. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [
    addAuth, addWatch, config, create, delQuota, deleteAll, get, getAcl, getAllChildrenNumber, getEphemerals, listQuota, ls,
    reconfig, remove, removeWatches, set, setAcl, setQuotaCommand, stat, sync, version, whoAmI,
  ].map((command) => [command.name, command]),
);

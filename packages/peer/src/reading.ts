import type { ACL, Id, SessionId } from '@zk/protocol';
import type { DataTree } from '@zk/tree';
import type { AccessControl } from './auth.ts';
import type { Clients } from './clients.ts';
import type { Connection } from './connections.ts';
import type { ReadContext } from './operations/read-operation.ts';
import type { Replies } from './replies.ts';

/** The read being answered, as operations see it. */
export class Reading implements ReadContext {
  readonly replies: Replies;
  readonly #tree: () => DataTree;
  readonly #clients: Clients;
  readonly #access: AccessControl;
  connection!: Connection;
  ids: readonly Id[] = [];

  constructor(tree: () => DataTree, replies: Replies, clients: Clients, access: AccessControl) {
    this.#tree = tree;
    this.replies = replies;
    this.#clients = clients;
    this.#access = access;
  }

  get tree(): DataTree {
    return this.#tree();
  }

  get watches(): Clients['watches'] {
    return this.#clients.watches;
  }

  get session(): SessionId {
    return this.connection.session;
  }

  allows(acl: readonly ACL[], perm: number): boolean {
    return this.#access.allows(acl, perm, this.ids);
  }

  visible(acl: readonly ACL[]): ACL[] {
    return this.#access.visible(acl, this.ids);
  }
}

import { OpCode, createModeOf, type CreateRequest } from '@zk/protocol';
import type { MultiRequest } from './multi.ts';

/** Whether a decoded write needs a session that every server knows (client.md 5.6): container and TTL creates never do. */
export function createsEphemeral(op: number, request: unknown): boolean {
  if (op === OpCode.create || op === OpCode.create2) return createModeOf((request as CreateRequest).flags)?.ephemeral === true;
  return op === OpCode.multi && (request as MultiRequest).ops.some((each) => each.ephemeral);
}

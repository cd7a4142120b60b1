/** The flags of a create request (CreateMode). */
export const CreateFlags = {
  persistent: 0,
  ephemeral: 1,
  'persistent-sequential': 2,
  'ephemeral-sequential': 3,
  container: 4,
  'persistent-ttl': 5,
  'persistent-sequential-ttl': 6,
} as const;

export type CreateMode = keyof typeof CreateFlags;

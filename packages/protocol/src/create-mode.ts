/** What the flags of a create request ask for. At most one of ephemeral, container and ttl is set. */
export interface CreateMode {
  readonly name: 'persistent' | 'ephemeral' | 'sequential' | 'ephemeralSequential' | 'container' | 'ttl' | 'sequentialTtl';
  readonly ephemeral: boolean;
  readonly sequential: boolean;
  readonly container: boolean;
  readonly ttl: boolean;
}

/** The flags on the wire, under the names of Apache's CreateMode. */
export const CreateFlags = {
  PERSISTENT: 0,
  EPHEMERAL: 1,
  PERSISTENT_SEQUENTIAL: 2,
  EPHEMERAL_SEQUENTIAL: 3,
  CONTAINER: 4,
  PERSISTENT_WITH_TTL: 5,
  PERSISTENT_SEQUENTIAL_WITH_TTL: 6,
} as const;

const plain = { ephemeral: false, sequential: false, container: false, ttl: false };

const modes: readonly CreateMode[] = [
  { ...plain, name: 'persistent' },
  { ...plain, name: 'ephemeral', ephemeral: true },
  { ...plain, name: 'sequential', sequential: true },
  { ...plain, name: 'ephemeralSequential', ephemeral: true, sequential: true },
  { ...plain, name: 'container', container: true },
  { ...plain, name: 'ttl', ttl: true },
  { ...plain, name: 'sequentialTtl', sequential: true, ttl: true },
];

/** The mode of a request's flags; undefined for numbers that are none (BADARGUMENTS). */
export function createModeOf(flags: number): CreateMode | undefined {
  return modes[flags];
}

/**
 * The name of a sequential znode: the parent's counter of created children, padded with zeros to 10 places. A negative
 * counter keeps its sign inside the width, like Java's `%010d`.
 */
export function withSequence(path: string, counter: number): string {
  return counter < 0 ? `${path}-${String(-counter).padStart(9, '0')}` : path + String(counter).padStart(10, '0');
}

/** Which of the server's settings decide how a stored ephemeralOwner is read (client.md 2.3). */
export interface OwnerRules {
  /** `zookeeper.extendedTypesEnabled`: there are TTL znodes. */
  extendedTypes: boolean;
  /** `zookeeper.emulate353TTLNodes`: their owners have the layout of 3.5.3. */
  emulate353TTL: boolean;
}

/** What the process ends with (operations.md section 5). */
export const ExitCode = { FINISHED: 0, UNEXPECTED: 1, INVALID_INVOCATION: 2, DATA_DIRECTORY: 3, ADMIN_SERVER: 4, ELECTION_PORT: 14 } as const;

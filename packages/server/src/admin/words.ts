/** The four-letter words (operations.md section 6). */
export const COMMAND_WORDS = [
  'conf', 'cons', 'crst', 'dirs', 'dump', 'envi', 'gtmk', 'hash', 'isro', 'mntr', 'ruok', 'srst', 'srvr', 'stat', 'stmk', 'wchc', 'wchp', 'wchs',
] as const;

export type CommandWord = (typeof COMMAND_WORDS)[number];

/** What telnet sends when it is interrupted: the connection is closed without an answer. */
export const TELNET_CLOSE = '\xff\xf4\xff\xfd';

/** `stmk` is followed by a trace mask of 8 bytes, big-endian. */
export const STMK_ARGUMENT_BYTES = 8;

const WORDS: ReadonlySet<string> = new Set(COMMAND_WORDS);

export function isCommandWord(text: string): text is CommandWord {
  return WORDS.has(text);
}

/**
 * The words that may be asked for, from the text of `4lw.commands.whitelist`: comma-separated, `*` is all, unknown ones
 * are ignored. `srvr` always may; `isro` may where read-only mode is on.
 */
export function whitelistOf(text: string, readOnlyMode: boolean): ReadonlySet<CommandWord> {
  const listed = text.split(',').map((word) => word.trim());
  const allowed = listed.includes('*') ? COMMAND_WORDS : listed.filter(isCommandWord);
  return new Set<CommandWord>(['srvr', ...(readOnlyMode ? (['isro'] as const) : []), ...allowed]);
}

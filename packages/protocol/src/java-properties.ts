/** One `key=value` of a properties file, unescaped but not trimmed. */
export interface Property {
  key: string;
  value: string;
  /** Where its logical line begins, counted from 1. */
  line: number;
}

const BLANK = ' \t\f';

/**
 * Parses the text of a `java.util.Properties` file: zoo.cfg, dynamic files, and the config that servers gossip.
 *
 * Every pair is returned, in file order; Java keeps the last of equal keys. Nothing is trimmed: ZooKeeper does that
 * itself for zoo.cfg, and only there. The caller decodes the bytes (ISO-8859-1 for files, UTF-8 on the wire).
 *
 * @throws Error `line 3: Malformed \uxxxx encoding.`
 * Source: quorum.md 1.2, operations.md 1.1; the syntax is documented at java.util.Properties.load(Reader).
 */
export function parseJavaProperties(text: string): Property[] {
  const properties: Property[] = [];
  for (const { content, line } of logicalLines(text)) {
    const { key, value } = split(content);
    properties.push({ key: unescape(key, line), value: unescape(value, line), line });
  }
  return properties;
}

/** Joins what a trailing backslash continues; drops comments and blank lines, and the blanks each line begins with. */
function* logicalLines(text: string): Iterable<{ content: string; line: number }> {
  const lines = text.split(/\r\n|\r|\n/);
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    let content = dropLeadingBlanks(lines[i]!);
    if (content === '' || content[0] === '#' || content[0] === '!') continue; // a comment never continues
    while (endsWithOddBackslashes(content)) content = content.slice(0, -1) + dropLeadingBlanks(lines[++i] ?? '');
    if (content !== '') yield { content, line };
  }
}

function dropLeadingBlanks(line: string): string {
  return line.replace(/^[ \t\f]+/, '');
}

function endsWithOddBackslashes(line: string): boolean {
  let count = 0;
  while (line[line.length - 1 - count] === '\\') count++;
  return count % 2 === 1;
}

/** The key ends at the first unescaped `=`, `:` or blank; blanks and at most one `=` or `:` then precede the value. */
function split(content: string): { key: string; value: string } {
  let end = 0;
  while (end < content.length && !isSeparator(content[end]!) && !isBlank(content[end]!)) end += content[end] === '\\' ? 2 : 1;
  let start = skipBlanks(content, end);
  if (start < content.length && isSeparator(content[start]!)) start = skipBlanks(content, start + 1);
  return { key: content.slice(0, end), value: content.slice(start) };
}

function skipBlanks(content: string, from: number): number {
  let at = from;
  while (at < content.length && isBlank(content[at]!)) at++;
  return at;
}

function isBlank(char: string): boolean {
  return BLANK.includes(char);
}

function isSeparator(char: string): boolean {
  return char === '=' || char === ':';
}

const CONTROL: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescape(text: string, line: number): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([^]))/g, (_, hex: string | undefined, char: string) => {
    if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
    if (char === 'u') throw new Error(`line ${line}: Malformed \\uxxxx encoding.`);
    return CONTROL[char] ?? char; // hence `E:\data` is read as `E:data`
  });
}

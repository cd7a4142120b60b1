/** A host as it was configured (a name or a literal address, IPv6 without brackets) and a TCP port. */
export interface HostPort {
  host: string;
  port: number;
}

/**
 * Cuts `host:a:b` or `[::1]:a:b` into its parts, brackets removed. Like Java's split, empty parts at the end are lost.
 * @throws Error `[::1 starts with '[' but has no matching ']:'`
 */
export function splitHostAndPorts(text: string): string[] {
  if (!text.startsWith('[')) return splitLikeJava(text, ':');
  const close = text.indexOf(']');
  if (close < 0) throw new Error(`${text} starts with '[' but has no matching ']:'`);
  if (close + 2 === text.length) throw new Error(`${text} doesn't have a port after colon`);
  const host = text.slice(1, close);
  return close + 2 < text.length ? [host, ...splitLikeJava(text.slice(close + 2), ':')] : [host];
}

/** `a:b::` has two parts for Java, and so it has for us. */
export function splitLikeJava(text: string, separator: string): string[] {
  const parts = text.split(separator);
  while (parts.length > 1 && parts.at(-1) === '') parts.pop();
  return parts;
}

/** Parses a decimal TCP port. Null when it is not one, or not between 0 and 65535. */
export function parsePort(text: string): number | null {
  if (!/^[+-]?\d{1,9}$/.test(text)) return null;
  const port = Number(text);
  return port >= 0 && port <= 65535 ? port : null;
}

/** `host:port`, with brackets around an IPv6 literal. */
export function formatHostPort({ host, port }: HostPort): string {
  return `${bracketed(host)}:${port}`;
}

/** Brackets a host that contains colons, so that a port can follow it. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * Whether a text is an X.500 distinguished name in the syntax of RFC 2253, as x509 ids are: `CN=client,OU=a\,b,C=DE`.
 * The empty name is one. Separators are ',' and ';', several values of one level are joined by '+'.
 */
export function isDistinguishedName(text: string): boolean {
  return text.trim() === '' || splitUnescaped(text).every(isAttribute);
}

const TYPE = /^([A-Za-z][A-Za-z0-9-]*|(OID\.)?\d+(\.\d+)+)$/;
const HEX_VALUE = /^#([0-9a-fA-F]{2})+$/;
const QUOTED_VALUE = /^"(\\.|[^"\\])*"$/s;
const PLAIN_VALUE = /^(\\.|[^"\\#])(\\.|[^"\\])*$/s;

function isAttribute(text: string): boolean {
  const equals = text.indexOf('=');
  if (equals < 0 || !TYPE.test(text.slice(0, equals).trim())) return false;
  const value = text.slice(equals + 1).trim();
  return value === '' || HEX_VALUE.test(value) || QUOTED_VALUE.test(value) || PLAIN_VALUE.test(value);
}

/** Splits at separators that are neither escaped nor within quotes. */
function splitUnescaped(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text[i];
    if (unit === '\\') i += 1;
    else if (unit === '"') quoted = !quoted;
    else if (!quoted && (unit === ',' || unit === ';' || unit === '+')) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

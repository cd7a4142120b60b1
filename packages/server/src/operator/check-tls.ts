/** `zk-server check`, what TLS and authentication are to use: looked at although TLS is not served yet. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { ok, warn, type Finding } from './finding.ts';

/** Settings of a family by key: `ssl.keyStore.location`, `authProvider.1` … */
export type FamilySettings = ReadonlyMap<string, string>;

const DAY_MS = 86_400_000;
const EXPIRES_SOON_DAYS = 30;
const JKS_MAGIC = 0xfeedfeed;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The stores of the client port (`ssl.`) and of the quorum, election and admin ports (`ssl.quorum.`), as in operations.md 14. */
export function tlsFindings(settings: FamilySettings, now = Date.now()): Finding[] {
  return ['ssl.', 'ssl.quorum.'].flatMap((family) => [...keyStore(settings, family, now), ...trustStore(settings, family, now)]);
}

function keyStore(settings: FamilySettings, family: string, now: number): Finding[] {
  return store(settings, `${family}keyStore`, (bytes, type, password) => {
    if (type !== 'PEM') return foreignStore(bytes, type, password);
    const [certificate] = certificatesIn(bytes);
    if (certificate === undefined) return ['holds no certificate', false];
    const key = createPrivateKey({ key: bytes, ...(password === '' ? {} : { passphrase: password }) });
    if (!certificate.checkPrivateKey(key)) return ['its private key is another one than the certificate’s', false];
    return validity([certificate], now);
  });
}

function trustStore(settings: FamilySettings, family: string, now: number): Finding[] {
  return store(settings, `${family}trustStore`, (bytes, type, password) => {
    if (type !== 'PEM') return foreignStore(bytes, type, password);
    const certificates = certificatesIn(bytes);
    return certificates.length === 0 ? ['holds no certificate', false] : validity(certificates, now);
  });
}

/** What is to be said about a store, and whether all is well with it. */
type Opinion = readonly [text: string, isFine: boolean];

function store(settings: FamilySettings, prefix: string, look: (bytes: Buffer, type: string, password: string) => Opinion): Finding[] {
  const location = settings.get(`${prefix}.location`);
  if (location === undefined) return [];
  try {
    const type = (settings.get(`${prefix}.type`) || TYPES[extname(location).toLowerCase()] || '').toUpperCase();
    const [text, isFine] = look(readFileSync(location), type, passwordOf(settings, prefix));
    return [(isFine ? ok : warn)(`${prefix}: ${location} ${text}`)];
  } catch (error) {
    return [warn(`${prefix}: ${location} cannot be used: ${error instanceof Error ? error.message : String(error)}`)];
  }
}

const TYPES: Readonly<Record<string, string>> = { '.pem': 'PEM', '.p12': 'PKCS12', '.pfx': 'PKCS12', '.jks': 'JKS', '.bcfks': 'BCFKS' };

/** The file goes before the word (3.8.0). */
function passwordOf(settings: FamilySettings, prefix: string): string {
  const path = settings.get(`${prefix}.passwordPath`);
  return path === undefined ? (settings.get(`${prefix}.password`) ?? '') : readFileSync(path, 'utf8').trim();
}

function certificatesIn(bytes: Buffer): X509Certificate[] {
  return (bytes.toString('latin1').match(CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
}

function validity(certificates: readonly X509Certificate[], now: number): Opinion {
  const [first] = [...certificates].sort((a, b) => Date.parse(a.validTo) - Date.parse(b.validTo));
  const subject = first?.subject.replaceAll('\n', ',') ?? '';
  const from = Date.parse(first?.validFrom ?? '');
  const to = Date.parse(first?.validTo ?? '');
  const days = Math.floor((to - now) / DAY_MS);
  if (now < from) return [`(${subject}) is not valid before ${new Date(from).toISOString()}`, false];
  if (now > to) return [`(${subject}) has expired ${new Date(to).toISOString()}`, false];
  return [`(${subject}) is valid for ${days} days`, days >= EXPIRES_SOON_DAYS];
}

function foreignStore(bytes: Buffer, type: string, password: string): Opinion {
  if (type === 'PKCS12') {
    createSecureContext({ pfx: bytes, passphrase: password });
    return ['opens with its password', true];
  }
  const isJks = bytes.length >= 4 && bytes.readUInt32BE(0) === JKS_MAGIC;
  if (type === 'JKS' && !isJks) return ['is no JKS store', false];
  return [type === 'JKS' ? 'is a Java store: make a PKCS12 or PEM one of it (keytool -importkeystore)' : `is of a type that is not known: ${type || 'give ssl.….type'}`, false];
}

const BUILT_IN = /\.(DigestAuthenticationProvider|IPAuthenticationProvider)$/;

/** Classes of Java cannot be loaded here; those of the two schemes that are always there need not be. */
export function authProviderFindings(settings: FamilySettings): Finding[] {
  return [...settings]
    .filter(([key]) => key.startsWith('authProvider.'))
    .map(([key, name]) => (BUILT_IN.test(name) ? ok(`${key}: ${name} is built in`) : warn(`${key}: ${name} is a class of Java: ACLs of its scheme grant nothing here`)));
}

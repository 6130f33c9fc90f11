import { createHash, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../http/caller.js';

/** A caller that is let in. The secret itself is not kept. */
export interface ApiKey {
  name: string;
  isAdmin: boolean;
  /** SHA-256 of the secret: all are of one length, so that they can be compared in constant time. */
  digest: Buffer;
  /** Whether the secret is so short that it could be guessed. */
  isWeak: boolean;
}

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
/** The form of a token behind `Bearer` (RFC 6750, section 2.1). */
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;
const STRONG_LENGTH = 16;
const FORM = 'name:secret or name:secret:admin';

/**
 * Reads `API_KEYS`: entries with commas between them. Undefined for no text. Throws what is wrong with an entry,
 * without its secret.
 */
export function parseApiKeys(text: string): readonly ApiKey[] | undefined {
  if (text === '') return undefined;
  const keys = text.split(',').map((entry, index) => parseKey(entry.trim(), `entry ${index + 1}`));
  keys.forEach(({ name, digest }, index) => {
    const before = keys.slice(0, index);
    const sameName = before.findIndex((other) => other.name === name);
    if (sameName >= 0) {
      throw new Error(`entry ${index + 1} has the name of entry ${sameName + 1}: give each its own`);
    }
    const sameSecret = before.findIndex((other) => other.digest.equals(digest));
    if (sameSecret >= 0) {
      throw new Error(`entry ${index + 1} has the secret of entry ${sameSecret + 1}: give each its own`);
    }
  });
  return keys;
}

/** Errors name an entry by its place only: in an entry that is the wrong way round the name is the secret. */
function parseKey(entry: string, what: string): ApiKey {
  const [name = '', secret, role, ...more] = entry.split(':');
  if (secret === undefined || more.length > 0) throw new Error(`${what} must be ${FORM}`);
  if (!NAME.test(name)) {
    throw new Error(
      `${what} must begin with a name of 1 to 64 letters, digits, underscores, dots or hyphens`,
    );
  }
  if (!TOKEN68.test(secret)) {
    throw new Error(`${what} needs a secret of letters, digits and -._~+/ (try: openssl rand -hex 24)`);
  }
  if (role !== undefined && role !== 'admin') throw new Error(`${what} must be ${FORM}`);
  return { name, isAdmin: role === 'admin', digest: digestOf(secret), isWeak: secret.length < STRONG_LENGTH };
}

/** The caller that an Authorization header names, or the reason why there is none. */
export type Identified = { kind: 'caller'; caller: Caller } | { kind: 'missing' } | { kind: 'wrong' };

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/** Finds the caller of an Authorization header. Takes the same time for every secret, right or wrong. */
export function identify(keys: readonly ApiKey[], authorization: string | undefined): Identified {
  if (authorization === undefined) return { kind: 'missing' };
  const [, secret] = BEARER.exec(authorization) ?? [];
  if (secret === undefined) return { kind: 'wrong' };
  const digest = digestOf(secret);
  let found: ApiKey | undefined;
  // The loop goes on after the key is found, so that the time tells nothing.
  for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key;
  if (!found) return { kind: 'wrong' };
  return { kind: 'caller', caller: { owner: found.name, isAdmin: found.isAdmin } };
}

const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

import { createHash, timingSafeEqual } from 'node:crypto';
import { PRIORITIES, type Priority } from '../../shared/contract/states.js';
import type { Caller } from '../http/caller.js';

/** A caller that is let in. The secret itself is not kept. */
export interface ApiKey {
  name: string;
  isAdmin: boolean;
  /** SHA-256 of the secret: all are of one length, so that they can be compared in constant time. */
  digest: Buffer;
  /** Share of the turns in a queue. */
  weight: number;
  /** The highest lane that its jobs may wait in; undefined for any. */
  lane: Priority | undefined;
  /** Whether the secret is so short that it could be guessed. */
  isWeak: boolean;
}

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
/** The form of a token behind `Bearer` (RFC 6750, section 2.1). */
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/;
const STRONG_LENGTH = 16;
const FORM = 'name:secret[:admin][:weight=2][:lane=low]';
const MOST_WEIGHT = 100;

/**
 * Reads `API_KEYS`: entries with commas between them. Undefined for no text. Throws what is wrong with an entry,
 * without its secret.
 */
export function parseApiKeys(text: string): readonly ApiKey[] | undefined {
  return text === '' ? undefined : parseEntries(text.split(','));
}

/** Reads the text of `API_KEYS_FILE`: an entry a line, blank lines and those that begin with # apart. Throws as {@link parseApiKeys}. */
export function parseKeysFile(text: string): readonly ApiKey[] {
  const entries = text.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  if (entries.length === 0) throw new Error('the file has no entry');
  return parseEntries(entries);
}

function parseEntries(entries: readonly string[]): readonly ApiKey[] {
  const keys = entries.map((entry, index) => parseKey(entry.trim(), `entry ${index + 1}`));
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
  const [name = '', secret, ...options] = entry.split(':');
  if (secret === undefined) throw new Error(`${what} must be ${FORM}`);
  if (!NAME.test(name)) {
    throw new Error(
      `${what} must begin with a name of 1 to 64 letters, digits, underscores, dots or hyphens`,
    );
  }
  if (!TOKEN68.test(secret)) {
    throw new Error(`${what} needs a secret of letters, digits and -._~+/ (try: openssl rand -hex 24)`);
  }
  const key = { name, isAdmin: false, weight: 1, lane: undefined, digest: digestOf(secret) };
  return { ...key, isWeak: secret.length < STRONG_LENGTH, ...readOptions(options, what) };
}

function readOptions(
  options: readonly string[],
  what: string,
): Partial<Pick<ApiKey, 'isAdmin' | 'weight' | 'lane'>> {
  const read: Partial<Pick<ApiKey, 'isAdmin' | 'weight' | 'lane'>> = {};
  const names = options.map((option) => option.split('=', 1)[0]);
  if (new Set(names).size < names.length) throw new Error(`${what} says something twice: it must be ${FORM}`);
  for (const option of options) {
    const [name = ''] = option.split('=', 1);
    const value = option.slice(name.length + 1);
    const lane = PRIORITIES.find((known) => known === value);
    if (option === 'admin') read.isAdmin = true;
    else if (
      name === 'weight' &&
      /^\d{1,3}$/.test(value) &&
      Number(value) >= 1 &&
      Number(value) <= MOST_WEIGHT
    ) {
      read.weight = Number(value);
    } else if (name === 'weight') {
      throw new Error(`${what} needs a weight that is a whole number from 1 to ${MOST_WEIGHT}`);
    } else if (name === 'lane' && lane) read.lane = lane;
    else if (name === 'lane') throw new Error(`${what} needs one of the lanes ${PRIORITIES.join(', ')}`);
    else throw new Error(`${what} must be ${FORM}`);
  }
  return read;
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
  return { kind: 'caller', caller: callerOf(found) };
}

const callerOf = ({ name, isAdmin, weight, lane }: ApiKey): Caller => ({
  owner: name,
  isAdmin,
  weight,
  lane,
});

const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

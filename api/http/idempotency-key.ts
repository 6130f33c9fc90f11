import { createHash } from 'node:crypto';
import { ProblemError } from './problem.js';

// A structured-field String (RFC 9651, section 3.3.3), or the bare text that most clients send.
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"$/;
const BARE = /^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/;

/** The form of an `Idempotency-Key`, as a regular expression. */
export const IDEMPOTENCY_KEY_PATTERN = `${QUOTED.source}|${BARE.source}`;

/** The key of an `Idempotency-Key` header, quoted and bare meaning the same. Throws a 400 problem for any other. */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const quoted = QUOTED.exec(text)?.[1]?.replaceAll(/\\(.)/g, '$1');
  const key = quoted ?? (BARE.test(text) ? text : undefined);
  if (key === undefined) {
    throw new ProblemError(
      'idempotency-key-malformed',
      'Idempotency-Key must be 1 to 255 visible ASCII characters, with or without double quotes around',
    );
  }
  return key;
}

/** 132 bits tell two requests of one key apart, and Redis keeps few bytes of each. */
const FINGERPRINT_LENGTH = 22;

/** A digest of an operation and its body that does not depend on the order of the body's members. */
export const fingerprintOf = (operation: string, body: unknown): string =>
  digestOf(operation, canonicalJson(body));

/** A digest of an operation and the bytes of its body. */
export const digestOf = (operation: string, body: string | Buffer): string =>
  createHash('sha256').update(`${operation}\n`).update(body).digest('base64url').slice(0, FINGERPRINT_LENGTH);

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

import { randomBytes } from 'node:crypto';

/** Gives a new claim id with each call: no other call, here or in any other process, gives the same. */
export function createClaimIds(): () => string {
  const mine = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${mine}:${((count += 1)).toString(36)}`;
}

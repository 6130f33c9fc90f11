import { readFileSync } from 'node:fs';
import { defineScript, type RedisScript } from '../redis/redis.js';

const NAMES = [
  'create',
  'claim',
  'renew',
  'commit',
  'requeue',
  'redeliver',
  'spent',
  'cancel',
  'list',
  'lead',
  'reap',
  'expire',
  'orphans',
  'ghosts',
  'lost',
  'indexes',
  'trim',
  'stats',
  'history',
  'batch-create',
  'batch-add',
  'batch-touch',
  'batch-complete',
  'batch-cancel',
  'batch-reap',
  'batch-commit',
] as const;

/** The scripts of the job record, by name. Each file's head says what it takes and returns. */
export type JobScripts = Readonly<Record<(typeof NAMES)[number], RedisScript>>;

/** Reads the Lua files that lie beside this module, each with the prelude in front. */
export function readJobScripts(): JobScripts {
  const read = (name: string): string => readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8');
  const prelude = read('prelude');
  return Object.fromEntries(
    NAMES.map((name) => [name, defineScript(name, `${prelude}\n${read(name)}`)]),
  ) as Readonly<Record<(typeof NAMES)[number], RedisScript>>;
}

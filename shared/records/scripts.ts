import { readFileSync } from 'node:fs';
import { defineScript, type RedisScript } from '../redis/redis.js';

const NAMES = [
  'accept',
  'claim',
  'renew',
  'commit',
  'give-back',
  'cancel',
  'view',
  'list',
  'lead',
  'reap',
  'expire',
  'due',
  'forget',
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

/** First line of a script: the parts that it stands on, in the order in which they stand on each other. */
const USES = /^-- uses ([\w, ]+)\n/;

/**
 * Reads the Lua files that lie beside this module, each behind the parts that its first line names. On a cluster they publish
 * on the channels of their slot, which only this master and its replicas hear.
 */
export function readJobScripts(isCluster: boolean): JobScripts {
  const publish = isCluster ? "'SPUBLISH'" : "'PUBLISH'";
  const read = (name: string): string =>
    readFileSync(new URL(`lua/${name}.lua`, import.meta.url), 'utf8').replaceAll("'PUBLISH'", publish);
  return Object.fromEntries(
    NAMES.map((name) => {
      const source = read(name);
      const [, uses = ''] = USES.exec(source) ?? [];
      const parts = uses.split(', ').map((part) => read(`parts/${part}`));
      return [name, defineScript(name, [...parts, source].join('\n'))];
    }),
  ) as Readonly<Record<(typeof NAMES)[number], RedisScript>>;
}

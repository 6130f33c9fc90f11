import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

/** The files that read the environment, one a process. */
export const CONFIG_READERS = {
  api: 'api/config.ts',
  worker: 'worker/config.ts',
  up: 'scripts/up/config.ts',
} as const;

/** What readers of the environment ask for: `read.int('PORT', ...)`. */
export function variablesRead(...readers: (keyof typeof CONFIG_READERS)[]): Set<string> {
  const names = readers.flatMap((reader) => {
    const text = readFileSync(join(ROOT, CONFIG_READERS[reader]), 'utf8');
    return Array.from(text.matchAll(/\bread\s*\.(?:\w+)\(\s*'([A-Z][A-Z0-9_]+)'/g));
  });
  return new Set(names.map(([, name = '']) => name));
}

/** The lines `NAME=value` of an environment file. */
export const valuesOf = (envFile: string): Record<string, string> =>
  Object.fromEntries(
    [...envFile.matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );

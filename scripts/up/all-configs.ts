import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Env } from '../../shared/config/env.js';
import { ConfigError } from '../../shared/errors.js';
import { readUpConfig, type UpConfig } from './config.js';

/** Functions that read the configuration of the programs that the launcher starts, in `dist/<program>/config.js`. */
const READERS = { api: 'readApiConfig', worker: 'readWorkerConfig' };

type ConfigModule = Readonly<Record<string, (env: Env, isTerminal: boolean) => unknown>>;

/**
 * The launcher's own configuration. Reads that of the programs, too, as they will, and throws one ConfigError that names
 * what is wrong for any of them: else each would name its own, one start after the other.
 */
export async function readAllConfigs(env: Env, root: string, isTerminal: boolean): Promise<UpConfig> {
  const problems = new Set<string>();
  const problemsOf = (read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const problem of error.problems) problems.add(problem);
    }
  };
  problemsOf(() => readUpConfig(env, root, isTerminal));
  for (const [program, reader] of Object.entries(READERS)) {
    const url = pathToFileURL(join(root, 'dist', program, 'config.js')).href;
    const module = (await import(url)) as ConfigModule;
    problemsOf(() => module[reader]?.(env, isTerminal));
  }
  if (problems.size > 0) throw new ConfigError([...problems]);
  return readUpConfig(env, root, isTerminal);
}

import { runCli } from '../../scripts/cli.js';
import type { CliSetUp } from '../../scripts/up/start-all.js';
import type { Finished } from './run-program.js';

const SET_UP: CliSetUp = {
  root: process.cwd(),
  env: process.env,
  ensureRedis: () => Promise.reject(new Error('no Redis is started here')),
  tryPeers: () => Promise.reject(new Error('no peers are installed here')),
  setUpNative: () => Promise.reject(new Error('nothing is built here')),
};

/** What a command has instead of the end of its process. */
class Exit extends Error {
  constructor(readonly exitCode: number) {
    super(`exit ${exitCode}`);
  }
}

/**
 * Runs a command line of `waggle` within this process, one at a time, as {@link waggle} does in one of its own: to start Node
 * and to load everything takes fifty times as long as most commands.
 */
export async function waggleHere(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const said = { stdout: '', stderr: '' };
  const undo: (() => void)[] = [];
  const replace = (of: object, name: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(of, name);
    Object.defineProperty(of, name, { value, configurable: true, writable: true, enumerable: true });
    undo.push(() => {
      if (before) Object.defineProperty(of, name, before);
      else Reflect.deleteProperty(of, name);
    });
  };
  for (const [name, method] of [
    ['stdout', 'log'],
    ['stderr', 'error'],
  ] as const) {
    replace(console, method, (text: string) => void (said[name] += `${text}\n`));
    replace(process[name], 'isTTY', false);
    replace(process[name], 'write', (text: string | Uint8Array) => {
      said[name] += text.toString();
      return true;
    });
  }
  replace(process, 'exit', (exitCode: number): never => {
    throw new Exit(exitCode);
  });
  const wanted = { WAGGLE_URL: undefined, WAGGLE_KEY: undefined, ...env };
  // Every test file of a Jest process has the same environment.
  const before = Object.fromEntries(Object.keys(wanted).map((name) => [name, process.env[name]]));
  const { exitCode } = process;
  setEnv(wanted);
  process.exitCode = undefined;
  try {
    await runCli(args, SET_UP);
    return { code: exitCodeNow(), ...said };
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    return { code: error.exitCode, ...said };
  } finally {
    for (const step of undo.toReversed()) step();
    setEnv(before);
    process.exitCode = exitCode;
  }
}

const exitCodeNow = (): number => Number(process.exitCode ?? 0);

function setEnv(env: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

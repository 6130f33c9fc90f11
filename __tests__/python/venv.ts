import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const CACHE = resolve(__dirname, '../../.cache/python');
/** Longest that pip may take for one environment, in ms. */
const INSTALL_MS = 300_000;

const run = promisify(execFile);

/** The interpreter of an environment, or why there is none here. */
export type Python = { python: string; missing?: undefined } | { missing: string };

/**
 * An environment of Python with these packages of PyPI, made in `.cache/python/<name>` unless it is there. `lists` are given to pip
 * one after the other, each with its options. Where it cannot be made, that is told on standard error.
 */
export async function openVenv(name: string, lists: readonly (readonly string[])[]): Promise<Python> {
  const folder = join(CACHE, name);
  const python = join(folder, 'bin/python');
  const done = join(folder, `${Buffer.from(JSON.stringify(lists)).toString('base64url').slice(-64)}.done`);
  if (existsSync(done)) return { python };
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(CACHE, { recursive: true });
    await run('python3', ['-m', 'venv', folder], { timeout: INSTALL_MS });
    for (const list of lists) {
      const pip = ['-m', 'pip', 'install', '--quiet', '--cache-dir', join(CACHE, 'wheels'), ...list];
      await run(python, pip, { timeout: INSTALL_MS, maxBuffer: 2 ** 24 });
    }
    writeFileSync(done, '');
    return { python };
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const missing = `${name}: no environment of Python with ${lists.flat().join(' ')}: ${
      stderr.trim().split('\n').at(-1) || message
    }`;
    process.stderr.write(`\n*** NOT TESTED: ${missing} ***\n\n`);
    return { missing };
  }
}

/** Runs a program of this folder on `input`; resolves to what it printed. Rejects with what it said when it fails. */
export async function runPython(
  python: string,
  [program = '', ...args]: readonly string[],
  cwd: string,
  input = '',
): Promise<string> {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', PYTHONWARNINGS: 'ignore' };
  const running = run(python, [join(__dirname, program), ...args], {
    cwd,
    env,
    timeout: INSTALL_MS,
    maxBuffer: 2 ** 26,
  });
  running.child.stdin?.end(input);
  return (await running).stdout;
}

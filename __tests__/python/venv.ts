import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const CACHE = resolve(__dirname, '../../.cache/python');
/** Longest that a call of pip, or a program, may take, in ms. */
const LONGEST_MS = 600_000;

const run = promisify(execFile);

/**
 * An environment of Python with these packages of PyPI, made in `.cache/python/<name>` unless it is there. `lists` are given to pip
 * one after the other, each with its options. Resolves to its interpreter; to undefined where it cannot be made, which is told
 * on standard error.
 */
export async function openVenv(
  name: string,
  lists: readonly (readonly string[])[],
): Promise<string | undefined> {
  const folder = join(CACHE, name);
  const python = join(folder, 'bin/python');
  const done = join(folder, `${createHash('sha256').update(JSON.stringify(lists)).digest('hex')}.done`);
  if (existsSync(done)) return python;
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(CACHE, { recursive: true });
    await run('python3', ['-m', 'venv', folder], { timeout: LONGEST_MS });
    for (const list of lists) {
      const pip = [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-compile',
        '--cache-dir',
        join(CACHE, 'wheels'),
        ...list,
      ];
      await run(python, pip, { timeout: LONGEST_MS, maxBuffer: 2 ** 24 });
    }
    writeFileSync(done, '');
    return python;
  } catch (error) {
    const { stderr = '', message, killed } = error as Error & { stderr?: string; killed?: boolean };
    const why = killed
      ? `pip took longer than ${LONGEST_MS / 1000} s`
      : stderr.trim().split('\n').at(-1) || message;
    process.stderr.write(
      `\n*** NOT TESTED: there is no environment of Python "${name}" here: ${why} ***\n\n`,
    );
    return undefined;
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
    timeout: LONGEST_MS,
    maxBuffer: 2 ** 26,
  });
  running.child.stdin?.end(input);
  return (await running).stdout;
}

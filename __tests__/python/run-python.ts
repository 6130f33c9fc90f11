import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Longest that a program may take, in ms. */
const LONGEST_MS = 600_000;

const run = promisify(execFile);

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

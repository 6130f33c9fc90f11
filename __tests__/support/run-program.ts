import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

/** What a program said and how it ended. */
export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `waggle` as a person would, from the checkout, with nothing of this test's environment that it reads. */
export function waggle(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  const { WAGGLE_URL: _url, WAGGLE_KEY: _key, ...rest } = process.env;
  return runNode([join(ROOT, 'scripts/waggle.mjs'), ...args], { ...rest, ...env });
}

/** Runs Node to its end. */
export async function runNode(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Finished> {
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, ...said };
}

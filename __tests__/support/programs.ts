import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = resolve(__dirname, '../..');

/** A program of the service, run by itself. */
export interface Program {
  pid: number;
  /** What it said when it was ready. */
  ready: Record<string, unknown>;
  /** The parsed lines of its log so far. */
  log: readonly Record<string, unknown>[];
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

/** Starts what `npm run build` made of `api/main.ts` or `worker/main.ts` and waits until it serves. */
export async function startProgram(
  name: 'api' | 'worker',
  env: Record<string, string>,
  execArgv: string[] = [],
): Promise<Program> {
  const file = join(ROOT, 'dist', name, 'main.js');
  if (!existsSync(file)) throw new Error(`${file} is missing: npm test builds it, and so does npm run build`);
  const child = fork(file, {
    cwd: ROOT,
    execArgv,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], TF_ENGINE: 'wasm', PORT: '0', ...env },
  });
  const log: Record<string, unknown>[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface(stream).on('line', (line) => log.push(parseLine(line)));
  }
  const ready = await Promise.race([readyMessage(child), ending(child, log)]);
  return {
    pid: child.pid ?? 0,
    ready,
    log,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const closed = once(child, 'close');
      child.kill('SIGTERM');
      await closed;
      return child.exitCode;
    },
  };
}

const readyMessage = async (child: ChildProcess): Promise<Record<string, unknown>> =>
  ((await once(child, 'message')) as [Record<string, unknown>])[0];

async function ending(child: ChildProcess, log: readonly unknown[]): Promise<never> {
  await once(child, 'close');
  throw new Error(`the program ended with ${child.exitCode}: ${JSON.stringify(log)}`);
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : { line };
  } catch {
    return { line };
  }
}

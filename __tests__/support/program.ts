import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from './latch.js';

const ROOT = resolve(__dirname, '../..');

/** A built program on its own, as a container or a service manager runs it: nobody manages it but by signals. */
export interface Program {
  /** The parsed lines of its log so far. */
  log: readonly Record<string, unknown>[];
  /** Resolves once it serves, to the port of an API. Rejects with what it said when it ends before. */
  ready(): Promise<number>;
  signal(name: NodeJS.Signals): void;
  /** Its exit code, or the signal that it died of. */
  ended: Promise<number | NodeJS.Signals>;
}

const SERVES = { api: 'serving', worker: 'model served' };

/** Where a program lies, and as whom it runs. */
export interface ProgramPlace {
  /** The folder that holds `dist/`. @default the checkout */
  folder?: string;
  uid?: number;
  gid?: number;
}

/** Starts it, with this environment and no other. */
export function startProgram(
  which: keyof typeof SERVES,
  env: Record<string, string>,
  { folder = ROOT, ...user }: ProgramPlace = {},
): Program {
  const file = join(folder, 'dist', which, 'main.js');
  if (!existsSync(file)) throw new Error(`${file} is missing: npm test builds it, and so does npm run build`);
  const child = spawn(process.execPath, [file], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  const said: string[] = [];
  const log: Record<string, unknown>[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(`${line}\n`);
    log.push(JSON.parse(line) as Record<string, unknown>);
  });
  const ended = new Promise<number | NodeJS.Signals>((done) => {
    child.once('close', (code, signal) => done(code ?? signal ?? 'SIGKILL'));
  });
  return {
    log,
    ended,
    signal: (name) => void child.kill(name),
    async ready() {
      const line = await until(
        () => {
          if (child.exitCode !== null) throw new Error(`the ${which} ended:\n${said.join('')}`);
          return log.find(({ message }) => message === SERVES[which]);
        },
        { timeoutMs: 45_000, what: `the start of the ${which}` },
      );
      return Number(line['port']);
    },
  };
}

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from './latch.js';
import { parseLogLine } from './log-line.js';
import { PATIENCE } from './redis.js';

const ROOT = resolve(__dirname, '../..');

/** A built program on its own, as a container or a service manager runs it: nobody manages it but by signals. */
export interface Program {
  pid: number;
  /** The parsed lines of its log so far. */
  log: readonly Record<string, unknown>[];
  /** Resolves once it serves, to the port of an API. Rejects with what it said when it ends before. */
  ready(): Promise<number>;
  signal(name: NodeJS.Signals): void;
  /** Its exit code, or the signal that it died of. */
  ended: Promise<number | NodeJS.Signals>;
  /** SIGTERM; resolves as {@link ended} does. */
  stop(): Promise<number | NodeJS.Signals>;
}

/** What each says once it serves. */
const SERVES = { api: 'serving', worker: 'model served' };

/** How and where it is started, where not as `node dist/<which>/main.js` in the checkout. */
interface ProgramOptions {
  /** Arguments to Node. */
  execArgv?: readonly string[];
  /** Another program that is one of this kind; from the folder. */
  file?: string;
  /** The folder that holds `dist/`. @default the checkout */
  folder?: string;
  uid?: number;
  gid?: number;
}

/** Starts it, with this environment and no other: unless told otherwise on any port, the engine that runs everywhere, and patient with Redis. */
export function startProgram(
  which: keyof typeof SERVES,
  env: Record<string, string>,
  { execArgv = [], file = `dist/${which}/main.js`, folder = ROOT, ...user }: ProgramOptions = {},
): Program {
  if (!existsSync(join(folder, 'dist', which, 'main.js'))) {
    throw new Error(`dist/${which}/main.js is missing: npm test builds it, and so does npm run build`);
  }
  const child = spawn(process.execPath, [...execArgv, join(folder, file)], {
    cwd: folder,
    env: { PATH: process.env['PATH'], TF_ENGINE: 'wasm', PORT: '0', ...PATIENCE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  const log: Record<string, unknown>[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => log.push(parseLogLine(line)));
  }
  const ended = new Promise<number | NodeJS.Signals>((done) => {
    child.once('close', (code, signal) => done(code ?? signal ?? 'SIGKILL'));
  });
  const signal = (name: NodeJS.Signals): void => void child.kill(name);
  return {
    pid: child.pid ?? 0,
    log,
    ended,
    signal,
    async ready() {
      const line = await until(
        () => {
          if (child.exitCode !== null) throw new Error(`the ${which} ended: ${JSON.stringify(log)}`);
          return log.find(({ message }) => message === SERVES[which]);
        },
        { timeoutMs: 45_000, what: `the start of the ${which}` },
      );
      return Number(line['port']);
    },
    stop() {
      signal('SIGTERM');
      return ended;
    },
  };
}

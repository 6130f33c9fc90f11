import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { descendantsOf, isRunning, type ProcessEntry } from './processes.js';
import { until } from './latch.js';
import { parseLogLine } from './log-line.js';
import { PATIENCE } from './redis.js';

const ROOT = resolve(__dirname, '../..');

/** The whole service, started as `npm start` starts it, on a free port with data of its own. */
export interface Service {
  url: string;
  /** Of the launcher. */
  pid: number;
  /** Ids of its processes whose command line holds the text. */
  pids(part: string): number[];
  /** The parsed lines of its log so far. */
  log: readonly Record<string, unknown>[];
  /** SIGTERM; resolves to the exit code once every process of it is gone. */
  stop(): Promise<number | null>;
}

/** Starts it and waits until it serves. `env` may set any of its variables; `from`: a folder that holds another copy. */
export async function startService(env: Record<string, string> = {}, from = ROOT): Promise<Service> {
  const dataDir = mkdtempSync(join(tmpdir(), 'waggle-service-'));
  const { REDIS_URL: _redis, API_KEYS: _keys, ...inherited } = process.env;
  const launcher = spawn(process.execPath, [join(from, 'scripts/start.mjs')], {
    cwd: from,
    env: { ...inherited, PORT: '0', DATA_DIR: dataDir, ...PATIENCE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  const url = await readyUrl(launcher, log);
  const all = (): ProcessEntry[] => (launcher.pid === undefined ? [] : descendantsOf(launcher.pid));
  return {
    url,
    pid: launcher.pid ?? 0,
    log,
    pids: (part) => all().flatMap(({ pid, command }) => (command.includes(part) ? [pid] : [])),
    async stop() {
      const mine = all();
      const ended = new Promise<number | null>((done) => launcher.once('exit', done));
      if (launcher.exitCode === null) launcher.kill('SIGTERM');
      const code = launcher.exitCode ?? (await ended);
      await until(() => mine.every(({ pid }) => !isRunning(pid)), { what: 'the end of all processes' });
      rmSync(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}

/** The address in the launcher's `ready` line. Rejects, with what it said, when it ends before that. */
function readyUrl(launcher: ChildProcess, log: Record<string, unknown>[]): Promise<string> {
  return new Promise((done, reject) => {
    const said: string[] = [];
    launcher.stderr?.on('data', (text: Buffer) => said.push(text.toString()));
    launcher.once('exit', (code) => reject(new Error(`the service ended with ${code}:\n${said.join('')}`)));
    if (!launcher.stdout) return;
    createInterface({ input: launcher.stdout }).on('line', (line) => {
      said.push(`${line}\n`);
      const entry = parseLogLine(line);
      log.push(entry);
      if (entry['message'] === 'ready' && typeof entry['url'] === 'string') done(entry['url']);
    });
  });
}

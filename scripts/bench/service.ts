import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Env } from '../../shared/config/env.js';

/** The service under test: processes of its own, on a free port, with data that goes when it stops. */
export interface BenchService {
  url: string;
  /** Largest resident memory of each kind of process since the start, in MB, looked at ten times a second. */
  peakMb(): Record<string, number>;
  stop(): Promise<void>;
}

/** Where the repository is, and the environment of this process. */
export interface BenchHost {
  root: string;
  env: Env;
}

const KINDS: Readonly<Record<string, RegExp>> = {
  api: /dist\/api\/main/,
  worker: /dist\/worker\/main/,
  inference: /dist\/worker\/inference\/main/,
  redis: /(redis|valkey)-server/,
};
const SAMPLE_MS = 100;

/** Starts the service as `npm start` does and waits until it serves. `env` may set any of its variables. */
export async function startBenchService(
  host: BenchHost,
  env: Readonly<Record<string, string>>,
): Promise<BenchService> {
  const dataDir = mkdtempSync(join(tmpdir(), 'waggle-bench-'));
  const child = spawn(process.execPath, [join(host.root, 'scripts/start.mjs')], {
    cwd: host.root,
    env: { ...host.env, REDIS_URL: '', PORT: '0', DATA_DIR: dataDir, LOG_LEVEL: 'info', LOG_DIR: '', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(child, 'exit');
  const url = await readyUrl(child);
  const peaks: Record<string, number> = {};
  const timer = setInterval(() => {
    for (const [kind, mb] of residentMb(child.pid ?? 0)) peaks[kind] = Math.max(peaks[kind] ?? 0, mb);
  }, SAMPLE_MS);
  return {
    url,
    peakMb: () => ({ ...peaks }),
    async stop() {
      clearInterval(timer);
      child.kill('SIGTERM');
      await ended;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The address in the launcher's `ready` line; what comes after it is read and dropped, so that nothing blocks on it. */
function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the service ended before it was ready: npm start tells why')));
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = /"message":"ready".*"url":"([^"]+)"/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}

/** Resident memory by kind, of all processes below one. */
function residentMb(pid: number): [string, number][] {
  const all = execFileSync('ps', ['-axo', 'pid=,ppid=,rss=,command='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, id, parent, rss, command] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return command === undefined
        ? []
        : [{ id: Number(id), parent: Number(parent), mb: Number(rss) / 1024, command }];
    });
  const below = (parent: number): typeof all =>
    all.flatMap((p) => (p.parent === parent ? [p].concat(below(p.id)) : []));
  return below(pid).flatMap(({ command, mb }) => {
    const kind = Object.keys(KINDS).find((name) => KINDS[name]?.test(command) && !command.startsWith('sh '));
    return kind === undefined ? [] : [[kind, mb] as [string, number]];
  });
}

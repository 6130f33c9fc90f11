import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Logger } from '../../shared/log/logger.js';
import type { SetUp } from '../up/start-all.js';
import { toBeEnded } from './ends.js';
import { cpuUs } from './subjects/cpu.js';
import { peakMb } from './subjects/processes.js';

/** The service under test: processes of its own, on a free port, with data that goes when it stops. */
export interface BenchService {
  url: string;
  port: number;
  /** The launcher: everything else runs below it. */
  pid: number;
  /** Largest resident memory of each kind of process since the start, in MB. */
  peakMb(): Record<string, number>;
  /** CPU time of each kind of process so far, in µs. */
  cpuUs(): Record<string, number>;
  stop(): Promise<void>;
}

/** The repository, the environment of this process, and a log for failures. */
export interface BenchHost extends SetUp {
  log: Logger;
}

/** Our processes, and Redis, by their command lines. */
export const PROCESS_KINDS = {
  api: /dist\/api\/main/,
  worker: /dist\/worker\/main/,
  inference: /dist\/worker\/inference\/child\/main/,
  redis: /(redis|valkey)-server/,
};

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
  const stop = toBeEnded(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  });
  const { url, port } = await readiness(child);
  const pid = child.pid ?? 0;
  return {
    url,
    port,
    pid,
    peakMb: () => peakMb([pid], PROCESS_KINDS),
    cpuUs: () => cpuUs([pid], PROCESS_KINDS),
    stop,
  };
}

/** The launcher's `ready` line; later lines are read and dropped, so that the launcher never blocks on its output. */
function readiness(child: ChildProcessByStdio<null, Readable, null>): Promise<{ url: string; port: number }> {
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the service ended before it was ready: npm start tells why')));
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (!text.includes('"ready"')) return;
      const line = JSON.parse(text) as { service: string; message: string; url: string; port: number };
      if (line.service === 'up' && line.message === 'ready') resolve(line);
    });
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { WaggleClient } from '../../shared/client/client.js';
import { until } from './latch.js';
import { descendantsOf, isRunning, type ProcessEntry } from './processes.js';
import { PATIENCE } from './redis.js';

const ROOT = resolve(__dirname, '../..');
const MODEL = 'trip-duration-linear';

/** What `npm start` became, for tests of the launcher itself: it may fail to start, be killed, be told to stop. */
export interface Launched {
  /** Empty when it ended before it was ready. */
  url: string;
  client: WaggleClient;
  launcher: ChildProcess;
  dataDir: string;
  /** What it has printed so far. */
  printed: { stdout: string; stderr: string };
  /** Its processes of one kind. Throws when there is none. */
  processes(kind: keyof typeof KINDS): ProcessEntry[];
  ended: Promise<Ending>;
  /** Kills what is left and deletes its data. */
  cleanUp(): Promise<void>;
}

interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const KINDS = {
  api: /dist\/api\/main\.js/,
  worker: /dist\/worker\/main\.js/,
  redis: /(redis|valkey)-server.* unixsocket:/,
  all: /./,
};

/** Starts it on a free port and waits until it is ready, or has ended. */
export async function launch(env: Record<string, string> = {}): Promise<Launched> {
  const dir = mkdtempSync(join(tmpdir(), 'waggle-launched-'));
  const dataDir = env['DATA_DIR'] ?? join(dir, 'data');
  // One model on one engine: each is one more thing to wait for.
  mkdirSync(join(dir, 'model'));
  symlinkSync(join(ROOT, 'model', MODEL), join(dir, 'model', MODEL));
  const launcher = spawnLauncher({
    MODELS_DIR: join(dir, 'model'),
    TF_ENGINE: 'wasm',
    ...env,
    DATA_DIR: dataDir,
  });
  const printed = recordOf(launcher);
  const ended = new Promise<Ending>((done) => {
    launcher.once('close', (code, signal) => done({ code, signal }));
  });
  const seen = new Set<number>([launcher.pid ?? 0]);
  const look = (): ProcessEntry[] => {
    const found = descendantsOf(launcher.pid ?? 0);
    for (const { pid } of found) seen.add(pid);
    return found;
  };
  const readyLine = () => {
    look();
    const hasEnded = launcher.exitCode !== null || launcher.signalCode !== null;
    return (
      printed.stdout.split('\n').find((line) => line.includes('"message":"ready"')) ?? (hasEnded && '{}')
    );
  };
  const line = await until(readyLine, { timeoutMs: 45_000, what: 'the start of everything', everyMs: 100 });
  const { url = '' } = JSON.parse(line) as { url?: string };
  return {
    url,
    client: new WaggleClient({ url }),
    launcher,
    dataDir,
    printed,
    ended,
    processes(kind) {
      const found = look().filter(({ command }) => KINDS[kind].test(command));
      if (found.length === 0) throw new Error(`no process of the kind ${kind} runs`);
      return found;
    },
    async cleanUp() {
      look();
      for (const pid of seen) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** In a process group of its own, as from a terminal, and without what this environment would change. */
function spawnLauncher(env: Record<string, string>): ChildProcess {
  const { REDIS_URL: _redis, API_KEYS: _keys, HOST: _host, ...rest } = process.env;
  return spawn(process.execPath, [join(ROOT, 'scripts/start.mjs')], {
    cwd: ROOT,
    env: { ...rest, PORT: '0', LOG_LEVEL: 'info', ...PATIENCE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

function recordOf({ stdout, stderr }: ChildProcess): Launched['printed'] {
  const printed = { stdout: '', stderr: '' };
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed.stdout += text;
  });
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    printed.stderr += text;
  });
  return printed;
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../../scripts/setup/project.mjs';
import { until } from '../../support/latch.js';
import { descendantsOf, isRunning, type ProcessEntry } from '../../support/processes.js';

it.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)(
  'leaves neither process nor file behind when %s ends a benchmark',
  async (signal, code) => {
    const folder = mkdtempSync(join(tmpdir(), 'waggle-ends-'));
    const args = [join(root, 'scripts/waggle.mjs'), 'bench', 'growth', '--only', 'depth of the queue'];
    const bench = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: folder }, stdio: 'ignore' });
    let started: ProcessEntry[] = [];
    try {
      started = await until(
        () => {
          const below = descendantsOf(bench.pid ?? 0);
          const has = (part: string): boolean => below.some(({ command }) => command.includes(part));
          return has('redis-server') && has('dist/api/main.js') && below;
        },
        { timeoutMs: 60_000, what: 'Redis and the API' },
      );
      const ended = once(bench, 'exit');
      bench.kill(signal);
      expect(await ended).toEqual([code, null]);
      expect(started.filter(({ pid }) => isRunning(pid))).toEqual([]);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      for (const pid of [bench.pid ?? 0, ...started.map((one) => one.pid)]) {
        if (isRunning(pid)) process.kill(pid, 'SIGKILL');
      }
      rmSync(folder, { recursive: true, force: true });
    }
  },
  120_000,
);

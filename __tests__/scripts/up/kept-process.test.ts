import { type ChildProcess, spawn } from 'node:child_process';
import { delayAfter, KeptProcess } from '../../../scripts/up/kept-process.js';
import { keepingLog } from '../../support/keeping-log.js';
import { until } from '../../support/latch.js';
import { isRunning } from '../../support/processes.js';

const READY = 'process.stdout.write("ready"); setInterval(() => {}, 1000);';

/** A process that is ready once it has printed something. */
function kept(script: string) {
  const children: ChildProcess[] = [];
  const log = keepingLog();
  const keptProcess = new KeptProcess(
    {
      name: 'it',
      launch() {
        const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
        children.push(child);
        return child;
      },
      ready: (child) =>
        new Promise<string>((resolve) => child.stdout?.once('data', (text) => resolve(String(text)))),
      stop: (child) => void child.kill('SIGTERM'),
      advice: (ended) => `it ended with ${ended}`,
    },
    log,
  );
  return { keptProcess, children, log };
}

describe('KeptProcess', () => {
  it('starts again what dies, and stops for good when asked', async () => {
    const { keptProcess, children, log } = kept(READY);
    expect(await keptProcess.start()).toBe('ready');
    children[0]?.kill('SIGKILL');
    await until(() => log.lines.some(({ message }) => message === 'it is back'));
    expect(children).toHaveLength(2);
    expect(log.lines[0]).toMatchObject({
      level: 'warn',
      message: 'it ended unexpectedly, starting it again',
      fields: { ended: 'SIGKILL' },
    });
    await keptProcess.stop();
    expect(children.map((child) => isRunning(child.pid ?? 0))).toEqual([false, false]);
  });

  it('does not try again what could not start at all', async () => {
    const { keptProcess, children } = kept('process.exit(3)');
    await expect(keptProcess.start()).rejects.toThrow('it ended with code 3');
    await keptProcess.stop();
    expect(children).toHaveLength(1);
  });

  it('reports a program that is not there', async () => {
    const missing = new KeptProcess(
      {
        name: 'it',
        launch: () => spawn('/no/such/program'),
        ready: () => new Promise<void>(() => undefined),
        stop: () => undefined,
        advice: (ended) => `it ended with ${ended}`,
      },
      keepingLog(),
    );
    await expect(missing.start()).rejects.toThrow('ENOENT');
    await missing.stop();
  });

  it('stops between two attempts', async () => {
    const { keptProcess, children, log } = kept(READY);
    await keptProcess.start();
    children[0]?.kill('SIGKILL');
    await until(() => log.lines.length > 0);
    await keptProcess.stop();
    expect(children.filter((child) => isRunning(child.pid ?? 0))).toEqual([]);
  });

  it('lets one that was told to end by others be', async () => {
    const { keptProcess, children, log } = kept(READY);
    await keptProcess.start();
    keptProcess.retire();
    children[0]?.kill('SIGTERM');
    await keptProcess.stop();
    expect([children.length, log.lines]).toEqual([1, []]);
  });

  it('stops while it is still starting', async () => {
    const { keptProcess } = kept('setInterval(() => {}, 1000)');
    const starting = keptProcess.start().catch((error: unknown) => String(error));
    await keptProcess.stop();
    expect(await starting).toContain('it ended with SIGTERM');
  });

  it('passes signals on', async () => {
    const { keptProcess, children } = kept(`process.on('SIGHUP', () => process.exit(9)); ${READY}`);
    await keptProcess.start();
    const ended = new Promise((resolve) => children[0]?.once('exit', resolve));
    keptProcess.signal('SIGHUP');
    expect(await ended).toBe(9);
    await keptProcess.stop();
  });

  it('asks one that is still starting to reload once it is ready', async () => {
    const { keptProcess, children } = kept(`process.on('SIGHUP', () => process.exit(9)); ${READY}`);
    const starting = keptProcess.start();
    const ended = new Promise((resolve) => children[0]?.once('exit', resolve));
    keptProcess.signal('SIGHUP');
    expect(await starting).toBe('ready');
    expect(await ended).toBe(9);
    await keptProcess.stop();
  });
});

describe('delayAfter', () => {
  it('doubles with each failure up to ten seconds, up to half of it left to chance', () => {
    for (const [failures, mostMs] of [
      [0, 100],
      [3, 800],
      [50, 10_000],
    ] as const) {
      const delays = Array.from({ length: 100 }, () => delayAfter(failures));
      expect(Math.max(...delays)).toBeLessThanOrEqual(mostMs);
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(mostMs / 2);
    }
  });
});

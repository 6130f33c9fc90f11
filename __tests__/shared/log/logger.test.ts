import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../../shared/log/logger.js';
import { until } from '../../support/latch.js';

/** What a logger writes of `work`. */
async function linesOf(work: () => void): Promise<string[]> {
  const pieces: string[] = [];
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    pieces.push(String(text));
    return true;
  });
  try {
    work();
    await until(() => pieces.length > 0);
  } finally {
    spy.mockRestore();
  }
  expect(pieces).toHaveLength(1);
  return pieces.join('').split('\n').slice(0, -1);
}

const logger = () => createLogger('test', { level: 'info', dir: undefined, pretty: false });

it('writes lines that come together in one piece, each as JSON that begins with what everybody looks for', async () => {
  const log = logger();
  const lines = await linesOf(() => {
    log.info('first', { job_id: '1' });
    log.debug('not asked for');
    log.warn('second', { api_key: 'honey' });
  });
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(parsed).toMatchObject([
    { level: 'info', message: 'first', job_id: '1', service: 'test', pid: process.pid },
    { level: 'warn', message: 'second', api_key: '[redacted]' },
  ]);
  expect(Object.keys(parsed[0] ?? {}).slice(0, 3)).toEqual(['timestamp', 'level', 'message']);
});

it('writes what JSON does not have, too', async () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const [line = ''] = await linesOf(() => logger().info('odd', { cycle, big: 12n }));
  expect(JSON.parse(line)).toMatchObject({ message: 'odd', big: '12' });
});

it.each(['/proc/waggle/logs', `${__filename}/logs`])('refuses the folder %s with its name', (dir) => {
  const open = () => createLogger('test', { level: 'info', dir, pretty: false });
  expect(open).toThrow(`LOG_DIR must be a folder that can be written to, not "${dir}": `);
});

const hasFullDevice = existsSync('/dev/full');
if (!hasFullDevice) {
  process.stderr.write('\nSKIPPED: the test of a full LOG_DIR, since there is no /dev/full\n');
}
(hasFullDevice ? it : it.skip)('goes on where the disk of its files is full, and says so', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'waggle-logs-'));
  const told: string[] = [];
  const spy = jest.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0);
  try {
    // Of the time zone that the files are named by.
    for (const day of [-1, 0, 1]) {
      const date = new Date(Date.now() + day * 86_400_000).toISOString().slice(0, 10);
      symlinkSync('/dev/full', join(dir, `test-${date}.log`));
    }
    createLogger('test', { level: 'info', dir, pretty: false }).info('lost');
    await until(() => told.includes('LOG_DIR takes no lines: no space is left there\n'));
  } finally {
    spy.mockRestore();
    rmSync(dir, { recursive: true });
  }
});

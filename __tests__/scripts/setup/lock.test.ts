import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOf, withLock } from '../../../scripts/setup/lock.mjs';
import { root } from '../../../scripts/setup/project.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('withLock', () => {
  it('lets processes in one at a time', async () => {
    const log = join(folder, 'log');
    const script = `
      import { appendFileSync } from 'node:fs';
      import { startOf, withLock } from ${JSON.stringify(join(root, 'scripts/setup/lock.mjs'))};
      await withLock(${JSON.stringify(join(folder, 'lock'))}, async () => {
        appendFileSync(${JSON.stringify(log)}, 'in ');
        await new Promise((resolve) => setTimeout(resolve, 50));
        appendFileSync(${JSON.stringify(log)}, 'out ');
      });`;
    const codes = await Promise.all(
      Array.from({ length: 4 }, () => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
        return new Promise((resolve) => child.once('exit', resolve));
      }),
    );
    expect(codes).toEqual([0, 0, 0, 0]);
    expect(readFileSync(log, 'utf8')).toBe('in out '.repeat(4));
  });

  it('takes over from a process that is gone', async () => {
    const path = join(folder, 'lock');
    const child = spawn('true');
    await new Promise((resolve) => child.once('exit', resolve));
    writeFileSync(path, JSON.stringify({ pid: child.pid }));
    expect(await withLock(path, async () => 'done')).toBe('done');
    expect(existsSync(path)).toBe(false);
  });

  it('waits for a living one, says for whom, and gives up in the end', async () => {
    const path = join(folder, 'lock');
    writeFileSync(path, JSON.stringify({ pid: process.ppid, started: startOf(process.ppid) }));
    const waitedFor: number[] = [];
    const locked = withLock(path, async () => 'done', {
      giveUpMs: 0,
      onWait: (pid: number) => waitedFor.push(pid),
    });
    await expect(locked).rejects.toThrow(`Process ${process.ppid} has held`);
    expect(existsSync(path)).toBe(true);
    expect(waitedFor.length).toBeLessThanOrEqual(1);
  });

  it.each(['', 'not json', JSON.stringify({ pid: process.ppid, started: 'at another time' })])(
    'takes over a lock that says %j',
    async (text) => {
      const path = join(folder, 'lock');
      writeFileSync(path, text);
      expect(await withLock(path, async () => 'done')).toBe('done');
    },
  );

  it('lets go when the work fails', async () => {
    const path = join(folder, 'lock');
    await expect(withLock(path, async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(path)).toBe(false);
  });
});

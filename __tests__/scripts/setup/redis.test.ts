import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedis } from '../../../scripts/setup/redis.mjs';

let folder: string;
const path = process.env['PATH'];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-redis-'));
  process.env['PATH'] = join(folder, 'bin');
});
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true });
});

function program(at: string): string {
  const file = join(folder, at);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o755);
  return file;
}

describe('findRedis', () => {
  it('finds nothing where there is nothing', () => {
    expect(findRedis(join(folder, 'cache'))).toBeUndefined();
  });

  it('takes redis-server on PATH, else valkey-server', () => {
    const valkey = program('bin/valkey-server');
    expect(findRedis(join(folder, 'cache'))).toEqual({ command: valkey, env: {} });
    const redis = program('bin/redis-server');
    expect(findRedis(join(folder, 'cache'))).toEqual({ command: redis, env: {} });
  });

  it('takes the one it unpacked earlier, with its libraries', () => {
    const command = program('cache/redis/usr/bin/redis-server');
    mkdirSync(join(folder, 'cache/redis/usr/lib/some-linux-gnu'), { recursive: true });
    expect(findRedis(join(folder, 'cache'))).toEqual({
      command,
      env: { LD_LIBRARY_PATH: join(folder, 'cache/redis/usr/lib/some-linux-gnu') },
    });
  });
});

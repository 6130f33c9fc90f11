import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '../../shared/process/pause.js';
import { redisArguments, socketIn } from '../../scripts/up/redis-launch.js';
import { pingRedis } from '../../scripts/up/redis-ping.js';
import { findRedisServer } from '../support/redis.js';
import { Kept } from './kept.js';
import { type LinkProxy, startLinkProxy } from './link-proxy.js';
import type { StackRedis } from './stack.js';

/** Password of Redis after a rotation that its clients do not know of; before the rotation Redis asks for none. */
export const OTHER_PASSWORD = 'rotated';

/** One server, started again whenever it ends. */
export interface OneRedis extends StackRedis {
  server: Kept;
  /** Between the workers and the server. */
  link: LinkProxy;
  /** Sends one command to the server itself. */
  command(...words: string[]): Promise<void>;
}

/** Starts it on a socket and data of its own. */
export async function startOneRedis(): Promise<OneRedis> {
  const dir = mkdtempSync(join(tmpdir(), 'waggle-faults-'));
  mkdirSync(join(dir, 'redis'));
  const socket = socketIn(dir);
  const args = redisArguments({ folder: dir, dataDir: dir, fsync: 'always' });
  const server = new Kept(
    'Redis',
    () => spawn(findRedisServer(), args, { stdio: ['ignore', 'ignore', 'inherit'] }),
    () => answers(socket),
  );
  await server.serving();
  const link = await startLinkProxy({ path: socket });
  return {
    url: `unix://${socket}`,
    workerUrl: link.url,
    partitions: 1,
    env: {},
    server,
    link,
    command: (...words) => sendInline(socket, words.join(' ')),
    serving: () => server.serving(),
    async close() {
      await link.close();
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function answers(path: string): Promise<void> {
  while ((await pingRedis(path)) !== 'ready') await pause(20);
}

/** Sends a command as a line of text, whatever the password is now, and waits until it is answered. */
async function sendInline(path: string, line: string): Promise<void> {
  const socket = connect(path);
  socket.resume().end(`AUTH default ${OTHER_PASSWORD}\r\n${line}\r\nQUIT\r\n`);
  await once(socket, 'close');
}

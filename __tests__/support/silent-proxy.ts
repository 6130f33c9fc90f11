import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { parseRedisAddress, type RedisAddress } from '../../shared/redis/address.js';
import type { TestRedis } from './redis.js';

/** A TCP port before a Redis. It can fall silent as a network does: connections stand, and nothing comes through. */
export interface SilentProxy {
  address: RedisAddress;
  /** Connections that clients hold to it now. */
  connections(): number;
  /** Nothing comes through on the connections that stand; later ones are served. */
  silence(): void;
  /** Nothing comes through on later ones, either. */
  silenceAll(): void;
  /** Serves later connections again. */
  restore(): void;
  close(): Promise<void>;
}

export async function startSilentProxy(redis: TestRedis): Promise<SilentProxy> {
  if (redis.address.kind !== 'socket') throw new Error('the Redis of a test is on a socket');
  const { path } = redis.address;
  const clients = new Map<Socket, Socket | undefined>();
  let isSilent = false;
  const server = createServer((client) => {
    const upstream = isSilent ? undefined : connect(path);
    clients.set(client, upstream);
    client.on('error', () => undefined).on('close', () => clients.delete(client));
    if (!upstream) {
      client.resume();
      return;
    }
    upstream.on('error', () => undefined);
    client.pipe(upstream);
    upstream.pipe(client);
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const silence = (): void => {
    for (const [client, upstream] of clients) {
      client.unpipe();
      // What is read and dropped counts as delivered to whoever sent it.
      client.resume();
      upstream?.unpipe();
      upstream?.resume();
    }
  };
  return {
    address: parseRedisAddress(`redis://127.0.0.1:${port}`),
    connections: () => clients.size,
    silence,
    silenceAll() {
      isSilent = true;
      silence();
    },
    restore() {
      isSilent = false;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const client of clients.keys()) client.destroy();
      await closed;
    },
  };
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP port before the socket of a Redis: the network between workers and Redis, which can fail. */
export interface LinkProxy {
  port: number;
  /** Breaks every connection. */
  cut(): void;
  /** Nothing comes through any more, and nobody is told; new connections are made and say nothing either. */
  silence(): void;
  /** What clients send comes through, and the answers do not. */
  deafen(): void;
  /** New connections come through again; silent ones are broken. */
  heal(): void;
  close(): Promise<void>;
}

/** Listens on a free port of this machine. */
export async function startLinkProxy(socketPath: string): Promise<LinkProxy> {
  const pairs = new Map<Socket, Socket>();
  let isSilent = false;
  const server = createServer((client) => {
    const upstream = connect(socketPath);
    pairs.set(client, upstream);
    const end = (): void => {
      pairs.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const side of [client, upstream]) side.on('error', end).on('close', end);
    if (isSilent) return;
    client.pipe(upstream);
    upstream.pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const client of pairs.keys()) client.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    silence() {
      isSilent = true;
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream).pause();
        upstream.unpipe(client).pause();
      }
    },
    deafen() {
      isSilent = true;
      for (const [client, upstream] of pairs) upstream.unpipe(client).resume();
    },
    heal() {
      isSilent = false;
      cut();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}

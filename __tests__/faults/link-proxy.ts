import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net';

/** A TCP port before a Redis: the network between it and its clients, which can fail. */
export interface LinkProxy {
  /** Address of the proxy for clients of Redis. */
  url: string;
  /** Connections that clients hold to it now. */
  connections(): number;
  /** Breaks every connection. */
  cut(): void;
  /** Nothing comes through on the connections that stand, and nobody is told; later ones come through. */
  silence(): void;
  /** Nothing comes through on later ones either, which are made and say nothing. */
  silenceAll(): void;
  /** Requests come through and answers do not; later connections say nothing. */
  deafen(): void;
  /** Of the connections that stand, those that send these words get no answers until the function that it returns is called. */
  hold(words: string): () => void;
  /** New connections come through again; existing connections are broken. */
  heal(): void;
  close(): Promise<void>;
}

/** Listens on a free port of an address of this machine. */
export async function startLinkProxy(redis: NetConnectOpts, host = '127.0.0.1'): Promise<LinkProxy> {
  const pairs = new Map<Socket, Socket>();
  let isSilent = false;
  const server = createServer((client) => {
    const upstream = connect(redis);
    pairs.set(client, upstream);
    const end = (): void => {
      pairs.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const side of [client, upstream]) side.setNoDelay().on('error', end).on('close', end);
    if (isSilent) return swallow(client, upstream);
    client.pipe(upstream);
    upstream.pipe(client);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const cut = (): void => {
    for (const client of pairs.keys()) client.destroy();
  };
  const silence = (): void => {
    for (const [client, upstream] of pairs) swallow(client, upstream);
  };
  return {
    url: `redis://${host}:${(server.address() as AddressInfo).port}`,
    connections: () => pairs.size,
    cut,
    silence,
    silenceAll() {
      isSilent = true;
      silence();
    },
    deafen() {
      isSilent = true;
      for (const [client, upstream] of pairs) upstream.unpipe(client).resume();
    },
    hold(words) {
      const held = new Map<Socket, Socket>();
      let isOver = false;
      for (const [client, upstream] of pairs) {
        client.on('data', (bytes: Buffer) => {
          if (isOver || !bytes.includes(words)) return;
          upstream.unpipe(client);
          held.set(client, upstream);
        });
      }
      return () => {
        isOver = true;
        for (const [client, upstream] of held) upstream.pipe(client);
      };
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

/** Reads and drops everything; the sender takes it for delivered. */
function swallow(client: Socket, upstream: Socket): void {
  client.unpipe(upstream).resume();
  upstream.unpipe(client).resume();
}

import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A proxy before an API that lets nobody in without a key, pages aside. */
export interface KeyGate {
  url: string;
  close(): void;
}

/** Opens it on a free port. */
export async function openKeyGate(target: string, key: string): Promise<KeyGate> {
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/';
    if (!path.startsWith('/dashboard') && incoming.headers.authorization !== `Bearer ${key}`) {
      outgoing.writeHead(401, { 'WWW-Authenticate': 'Bearer', 'Content-Type': 'application/problem+json' });
      outgoing.end('{"title":"unauthorized","status":401}');
      return;
    }
    const { method, headers } = incoming;
    const onward = request(target + path, { method: method ?? 'GET', headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    outgoing.once('close', () => onward.destroy());
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

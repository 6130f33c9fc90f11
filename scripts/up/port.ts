import { once } from 'node:events';
import { createServer } from 'node:net';
import { messageOf } from '../../shared/errors.js';
import { errorCode } from '../../shared/system-error.js';
import { StartError } from './start-error.js';

/** Makes sure that the port can be listened on, before anything else is started. Throws {@link StartError}. */
export async function checkPort(host: string, port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } catch (cause) {
    throw new StartError(adviceOn(cause, host, port), { cause });
  }
  server.close();
  await once(server, 'close');
}

function adviceOn(cause: unknown, host: string, port: number): string {
  switch (errorCode(cause)) {
    case 'EADDRINUSE':
      return `port ${port} is taken: stop what listens there, or take another one with PORT=${port + 1} npm start`;
    case 'EACCES':
      return `port ${port} is reserved for root: take one above 1023, as in PORT=8182 npm start`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST=${host} is not an address of this machine: 127.0.0.1 serves this machine, 0.0.0.0 all networks`;
    default:
      return `cannot listen on ${host}:${port}: ${messageOf(cause)}`;
  }
}

/** A port of 127.0.0.1 that is free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

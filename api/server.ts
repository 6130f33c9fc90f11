import { once } from 'node:events';
import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { setImmediate as afterPoll, setTimeout as sleep } from 'node:timers/promises';
import type { Express } from 'express';
import type { ListenConfig } from './config.js';
import { Connections } from './http/connections.js';
import { CLIENT_LIMITS, type ClientLimits } from './limits.js';

/** A listening server. */
export interface ApiServer {
  port: number;
  /**
   * Goes on answering for a moment (`lingerMs`), so that clients and load balancers hear of it on connections that they
   * already have and by asking whether the process is ready. Then takes no further connections, closes idle ones, lets
   * requests under way finish, and cuts off what is left `graceMs` after the call: resolves to how many requests that were.
   */
  close(graceMs: number): Promise<number>;
}

/** Listens. Rejects when the address cannot be had. */
export async function startServer(
  app: Express,
  { host, port }: Pick<ListenConfig, 'host' | 'port'>,
  limits: Readonly<ClientLimits> = CLIENT_LIMITS,
): Promise<ApiServer> {
  const server = createServer({
    ...nativeExpressClasses(app),
    headersTimeout: limits.headersMs,
    maxHeaderSize: limits.headerBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkEveryMs,
  });
  // Node ends a connection after this time without progress, in writing as well as in reading.
  server.timeout = limits.idleMs;
  // The size of the headers bounds their number: Node does not refuse headers past `maxHeadersCount`, it leaves them out.
  server.maxHeadersCount = 0;
  const connections = new Connections(server, limits.refusedMs);
  server.on('request', app).on('clientError', refuseGarbage);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new Error(`cannot listen on ${host}:${port}: is another server there? Set PORT to a free one`, {
      cause,
    });
  }
  return {
    port: portOf(server),
    close: (graceMs) =>
      closeServer(server, connections, { graceMs, lingerMs: Math.min(limits.lingerMs, graceMs) }),
  };
}

/**
 * Express gives every request and response its own prototype with `Object.setPrototypeOf`, which makes V8 drop its
 * knowledge of their shape: that costs more than the router and its layers together. Here the objects are created with
 * the prototypes that Express would set, so that setting them changes nothing.
 */
function nativeExpressClasses(app: Express) {
  class ExpressRequest extends IncomingMessage {}
  class ExpressResponse extends ServerResponse<ExpressRequest> {}
  Object.setPrototypeOf(ExpressRequest.prototype, app.request);
  Object.setPrototypeOf(ExpressResponse.prototype, app.response);
  Object.assign(app, { request: ExpressRequest.prototype, response: ExpressResponse.prototype });
  return { IncomingMessage: ExpressRequest, ServerResponse: ExpressResponse };
}

const STATUS_OF_ERROR: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Answers bytes that are no HTTP, or come too slowly: there is no request object for them. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF_ERROR[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

async function closeServer(
  server: Server,
  connections: Connections,
  { lingerMs, graceMs }: { lingerMs: number; graceMs: number },
): Promise<number> {
  await sleep(lingerMs);
  // close() resets connections that still wait to be accepted: one poll phase accepts them first.
  await afterPoll();
  const closed = once(server, 'close');
  // The close() of the HTTP server would first close idle connections in its own way, and stop its checks of slow clients.
  NetServer.prototype.close.call(server);
  connections.closeIdle(lingerMs);
  let requests = 0;
  const late = setTimeout(() => {
    requests = connections.cutOff();
  }, graceMs - lingerMs);
  try {
    await closed;
    return requests;
  } finally {
    clearTimeout(late);
    server.close();
  }
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

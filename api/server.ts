import { once } from 'node:events';
import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Express } from 'express';
import type { ListenConfig } from './config.js';

/** A listening server. */
export interface ApiServer {
  port: number;
  /** Takes no further connections, lets requests under way finish, and cuts off what is left after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** How long clients may take, in ms. Answers are not bounded here: long polls take a minute. */
const TIMEOUTS = {
  /** From the first byte of a request to the end of its headers. */
  headersMs: 10_000,
  /** From the first byte of a request to the end of its body: an upload of a million rows over a slow line. */
  requestMs: 3_600_000,
  /** Between two requests of a connection: longer than the minute after which load balancers usually hang up. */
  keepAliveMs: 65_000,
  /** How often the first two are looked at. */
  checkEveryMs: 2_000,
};

/** Listens. Rejects when the address cannot be had. */
export async function startServer(app: Express, { host, port }: ListenConfig): Promise<ApiServer> {
  const server = createServer(
    {
      ...nativeExpressClasses(app),
      headersTimeout: TIMEOUTS.headersMs,
      requestTimeout: TIMEOUTS.requestMs,
      keepAliveTimeout: TIMEOUTS.keepAliveMs,
      connectionsCheckingInterval: TIMEOUTS.checkEveryMs,
    },
    app,
  );
  server.on('clientError', refuseGarbage);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new Error(`cannot listen on ${host}:${port}: is another server there? Set PORT to a free one`, {
      cause,
    });
  }
  return { port: portOf(server), close: (graceMs) => closeServer(server, graceMs) };
}

/**
 * Express gives every request and response its own prototype with `Object.setPrototypeOf`, which makes V8 drop what it
 * knows of their shape: that costs more than the rest of Express, the router and its layers, together. Here
 * the objects are born with the prototypes that Express would set, so that setting them changes nothing.
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

/** For what is no HTTP, or comes too slowly: there is no request object to answer through. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF_ERROR[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
  try {
    await closed;
  } finally {
    clearTimeout(cutOff);
  }
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

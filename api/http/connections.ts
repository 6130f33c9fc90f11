import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientLimits } from '../limits.js';

/** The connections of a server, and the answers that are under way on them. A body that is left unread ends its connection. */
export class Connections {
  readonly #open = new Set<Socket>();
  /** Connections on which no request has come yet. */
  readonly #fresh = new Set<Socket>();
  readonly #answers = new Set<ServerResponse>();
  #closing = false;

  /** Must be called before the server has its other listeners. `refusedMs`: see {@link ClientLimits.refusedMs}. */
  constructor(
    server: Server,
    private readonly refusedMs: ClientLimits['refusedMs'],
  ) {
    server.on('connection', (socket) => this.#opened(socket));
    server.on('request', (request, response) => this.#began(request, response));
  }

  /**
   * Closes every connection without an answer under way, and each of the others after its answer. Node's own
   * `closeIdleConnections` takes a connection for idle whose answer is written but not yet sent, and cuts it off. A new
   * connection has `freshMs` for its first request, which is on its way.
   */
  closeIdle(freshMs: number): void {
    this.#closing = true;
    const busy = new Set([...this.#answers].map(({ req }) => req.socket));
    for (const socket of this.#open) {
      if (busy.has(socket)) continue;
      if (this.#fresh.has(socket)) {
        setTimeout(() => this.#fresh.has(socket) && socket.destroy(), freshMs).unref();
      } else socket.destroy();
    }
  }

  /** Closes every connection; returns the number of requests that were under way. */
  cutOff(): number {
    const requests = this.#answers.size;
    for (const socket of this.#open) socket.destroy();
    return requests;
  }

  #opened(socket: Socket): void {
    this.#open.add(socket);
    this.#fresh.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#fresh.delete(socket);
    });
  }

  #began(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.#answers.add(response);
    this.#fresh.delete(socket);
    response.once('close', () => {
      this.#answers.delete(response);
      if (this.#closing) socket.destroySoon();
      else if (!request.complete) {
        setTimeout(() => request.complete || socket.destroy(), this.refusedMs).unref();
      }
    });
  }
}

import { randomUUID } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** An answer, its body parsed. */
export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

/** What a client has met that it did not ask for. */
export interface Troubles {
  /** 503 answers with the problem `draining`. */
  draining: number;
  /** Fresh connections that nobody took. */
  refused: number;
  /**
   * X-Request-Ids of requests that met the end of a connection that had been idle. They are repeated, as every client
   * may (RFC 9112, section 9.3.1); no server may have read them.
   */
  closed: string[];
  /** Everything else, in words: there should be none. */
  others: string[];
}

/** Where a server listens. */
export interface Server {
  host: string;
  port: number;
}

interface Call {
  method: 'GET' | 'POST';
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/** Refused connections of one request after which nobody is there any more; a process takes seconds to start. */
const MOST_REFUSALS = 2_000;
/** When every server has refused a connection. */
const REFUSED_PAUSE_MS = 10;

/**
 * One client behind a balancer: it holds one connection open as long as it may, and changes to the next server when
 * its own says that it is draining, after the time it was told, or when nobody takes a fresh connection there.
 */
export class BalancedClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #at: number;

  /** Begins at `servers[first]`; what it meets is added to `troubles`. */
  constructor(
    private readonly servers: readonly Server[],
    first: number,
    private readonly troubles: Troubles,
  ) {
    this.#at = first;
  }

  /** Sends a request until it is answered with anything but `draining`. Rejects when no server is there for long. */
  async send(call: Call): Promise<Reply> {
    for (let refusals = 0; refusals < MOST_REFUSALS; ) {
      const requestId = randomUUID();
      const reply = await this.#try(call, requestId);
      if (reply === 'closed') {
        this.troubles.closed.push(requestId);
        continue;
      }
      if (reply === 'refused') {
        this.troubles.refused += 1;
        refusals += 1;
        this.#at += 1;
        if (refusals % this.servers.length === 0) await sleep(REFUSED_PAUSE_MS);
        continue;
      }
      if (reply.status < 500) return reply;
      if (reply.body['type'] !== '/problems/draining') {
        this.troubles.others.push(`${reply.status} ${JSON.stringify(reply.body)}`);
        return reply;
      }
      this.troubles.draining += 1;
      await sleep(Number(reply.headers['retry-after']) * 1000);
      this.#at += 1;
    }
    throw new Error(`nobody takes connections: ${call.method} ${call.path}`);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** `refused` when nobody took the connection. Rejects when a fresh one broke, or an answer did. */
  #try({ method, path, headers, body }: Call, requestId: string): Promise<Reply | 'refused' | 'closed'> {
    return new Promise((resolve, reject) => {
      const json = body === undefined ? undefined : JSON.stringify(body);
      const sending = request({
        ...this.servers[this.#at % this.servers.length],
        agent: this.#agent,
        method,
        path,
        headers: {
          'x-request-id': requestId,
          ...headers,
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        },
      });
      const broke = (error: NodeJS.ErrnoException): void => {
        if (error.code === 'ECONNREFUSED') return resolve('refused');
        if (sending.reusedSocket && !hasBegun) return resolve('closed');
        const trouble = `${method} ${path} ${hasBegun ? 'while it was answered' : 'on a fresh connection'}: ${error.message}`;
        this.troubles.others.push(trouble);
        reject(new Error(trouble, { cause: error }));
      };
      let hasBegun = false;
      sending.once('error', broke).once('response', (response) => {
        let text = '';
        hasBegun = true;
        response
          .setEncoding('utf8')
          .on('data', (piece: string) => {
            text += piece;
          })
          .once('error', broke)
          .once('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: JSON.parse(text) as Reply['body'],
            }),
          );
      });
      sending.end(json);
    });
  }
}

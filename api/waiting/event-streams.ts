import type { ServerResponse } from 'node:http';
import { Shares } from '../admission/shares.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import { ClientGoneError } from '../http/read-json.js';

/** One message of a stream. `data` is one line of text: JSON. */
export interface StreamEvent {
  event: string;
  id?: string;
  data: string;
}

/** A comment so often keeps proxies from hanging up on a silent stream, in ms. */
const HEARTBEAT_MS = 15_000;
/** How soon a client comes back after the connection was lost, in ms. */
const RETRY_MS = 2_000;
/** When one that was refused for want of room may come again. */
const RETRY_SECONDS = 5;

/** An open answer of server-sent events. */
export class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded;
  }

  /** Whether the client reads more slowly than is written: leave out what a later event makes up for. */
  get isBackedUp(): boolean {
    return this.#response.writableNeedDrain;
  }

  send({ event, id, data }: StreamEvent): void {
    const head = id === undefined ? '' : `id: ${id}\n`;
    this.write(`event: ${event}\n${head}data: ${data}\n\n`);
  }

  write(text: string): void {
    if (this.isOpen) this.#response.write(text);
  }

  end(): void {
    if (this.isOpen) this.#response.end();
  }
}

/** Every stream that this process has open. */
export class EventStreams {
  readonly #open = new Set<EventStream>();
  readonly #shares: Shares;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(limit: number) {
    this.#shares = new Shares(limit);
    this.#heartbeat = setInterval(() => {
      for (const stream of this.#open) if (!stream.isBackedUp) stream.write(': still here\n\n');
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  get size(): number {
    return this.#open.size;
  }

  /** Begins an answer of events. Throws a problem when there are too many, of all or of the caller, or when the process goes away. */
  open(x: Exchange): EventStream {
    if (x.ctx.draining.aborted) {
      throw new ProblemError('draining', 'streams are served by another process', { retryAfterSeconds: 1 });
    }
    // Its close has passed: the place would be held for ever.
    if (x.response.destroyed) throw new ClientGoneError();
    const { owner } = x.caller;
    const refusal = this.#shares.refusal(owner);
    if (refusal === 'full') {
      throw new ProblemError('streams-full', `this process has ${this.#shares.places} streams open`, {
        retryAfterSeconds: RETRY_SECONDS,
      });
    }
    if (refusal === 'share') {
      throw new ProblemError(
        'too-many-streams',
        `${owner} has as many streams open as this process has left for all: close some, or poll`,
        { retryAfterSeconds: RETRY_SECONDS },
      );
    }
    const response = x.begin(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
    const stream = new EventStream(response);
    this.#open.add(stream);
    this.#shares.take(owner);
    response.once('close', () => {
      this.#open.delete(stream);
      this.#shares.giveBack(owner);
    });
    if (x.request.method === 'HEAD') stream.end();
    else stream.write(`retry: ${RETRY_MS}\n\n`);
    return stream;
  }

  /** Ends every stream: clients come back, to another process. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const stream of this.#open) stream.end();
  }
}

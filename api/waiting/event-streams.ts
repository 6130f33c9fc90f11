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

/** Time between two comments, which keep proxies from hanging up on a silent stream, in ms. */
const HEARTBEAT_MS = 15_000;
/** Time after which a client comes back when its connection was lost, in ms. */
const RETRY_MS = 2_000;
/** Time after which a client may come again that was refused for want of room. */
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

  /** Whether the client reads more slowly than the service writes: events that a later one makes up for are left out then. */
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
  open(exchange: Exchange): EventStream {
    exchange.refuseWhileDraining();
    // A response that is closed already emits no `close`, and its place would be held for ever.
    if (exchange.response.destroyed) throw new ClientGoneError();
    const { owner } = exchange.caller;
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
    const response = exchange.begin(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
    const stream = new EventStream(response);
    this.#open.add(stream);
    this.#shares.take(owner);
    response.once('close', () => {
      this.#open.delete(stream);
      this.#shares.giveBack(owner);
    });
    if (exchange.request.method === 'HEAD') stream.end();
    else stream.write(`retry: ${RETRY_MS}\n\n`);
    return stream;
  }

  /** Ends every stream: clients come back, to another process. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const stream of this.#open) stream.end();
  }
}

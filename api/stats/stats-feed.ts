import type { ProblemBody } from '../../shared/contract/problem.js';
import { messageOf, RedisUnavailableError } from '../../shared/errors.js';
import type { Logger } from '../../shared/log/logger.js';
import type { EventStream } from '../waiting/event-streams.js';
import { problemBody, ProblemError } from '../http/problem.js';
import type { RedisDeadline } from '../redis-deadline.js';
import type { StatsSource } from './stats-source.js';

const EVERY_MS = 1_000;
/** This minute and the one before: a client that has the rest puts them in their places. */
const RECENT = { model: undefined, minutes: 2 };

/** Reads the figures once a second while anybody follows them, for all of this process's streams together. */
export class StatsFeed {
  readonly #source: StatsSource;
  readonly #withinDeadline: RedisDeadline;
  readonly #log: Logger;
  readonly #followers = new Set<EventStream>();
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;
  #latest: { message: string; atMs: number } | undefined;

  constructor(source: StatsSource, { withinDeadline, log }: { withinDeadline: RedisDeadline; log: Logger }) {
    this.#source = source;
    this.#withinDeadline = withinDeadline;
    this.#log = log;
  }

  /** Sends the figures to a stream, at once and every second, until it is closed. */
  async follow(stream: EventStream): Promise<void> {
    this.#followers.add(stream);
    this.#timer ??= setInterval(() => void this.#tick(), EVERY_MS);
    if (this.#latest === undefined || performance.now() - this.#latest.atMs > EVERY_MS) await this.#tick();
    else stream.write(this.#latest.message);
  }

  /** The stream is closed. */
  leave(stream: EventStream): void {
    this.#followers.delete(stream);
    if (this.#followers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #tick(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const message = await this.#message();
    this.#isReading = false;
    this.#latest = { message, atMs: performance.now() };
    for (const stream of this.#followers) if (!stream.isBackedUp) stream.write(message);
  }

  /** An event with the figures, or with the problem that there are none. Written once for all. */
  async #message(): Promise<string> {
    try {
      const stats = await this.#withinDeadline('reading the figures', () => this.#source.read(RECENT));
      return `event: stats\ndata: ${JSON.stringify(stats)}\n\n`;
    } catch (error) {
      return `event: problem\ndata: ${JSON.stringify(this.#problemOf(error))}\n\n`;
    }
  }

  #problemOf(error: unknown): ProblemBody {
    if (error instanceof RedisUnavailableError) {
      return problemBody(new ProblemError('redis-unavailable', messageOf(error)));
    }
    this.#log.error('figures not read', { error: messageOf(error) });
    return problemBody(new ProblemError('internal-error', ''));
  }
}

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { messageOf } from '../../shared/errors.js';
import type { RecordScripts } from '../../shared/records/records.js';
import type { Logger } from '../../shared/log/logger.js';
import {
  announceWorker,
  HEARTBEAT_MS,
  withdrawWorker,
  type WorkerInfo,
} from '../../shared/workers/registry.js';

/** Members of a report that change while a worker runs. */
export type WorkerState = Pick<WorkerInfo, 'models' | 'refused' | 'loading'>;

/** Reports this worker to the registry, at once and then every five seconds, until it is closed. */
export class Heartbeat {
  readonly #records: RecordScripts;
  readonly #state: () => WorkerState;
  readonly #log: Logger;
  readonly #worker = { id: randomUUID(), host: hostname(), pid: process.pid, startedAtMs: Date.now() };
  readonly #timer: NodeJS.Timeout;

  constructor(records: RecordScripts, state: () => WorkerState, log: Logger) {
    this.#records = records;
    this.#state = state;
    this.#log = log;
    this.#timer = setInterval(() => void this.beat(), HEARTBEAT_MS);
  }

  /** Reports now; a report that Redis does not take is made up for by the next. */
  async beat(): Promise<void> {
    await announceWorker(this.#records, { ...this.#worker, ...this.#state() }).catch((error: unknown) =>
      this.#log.debug('heartbeat not written', () => ({ error: messageOf(error) })),
    );
  }

  /** Takes this worker out of the registry. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await withdrawWorker(this.#records, this.#worker.id).catch(() => undefined);
  }
}

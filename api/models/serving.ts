import type { WorkerInfo } from '../../shared/workers/registry.js';
import { ProblemError } from '../http/problem.js';
import type { Partitions } from '../partitions.js';
import type { ModelRegistry } from './model-registry.js';

/** Whether the workers that reported lately serve a model. */
export interface Standing {
  /** Number of workers that serve it. */
  workers: number;
  /** The reason why no job of it runs; undefined while a worker serves it. */
  heldUp?: string;
  /** Whether workers are there and none of them can serve it: a job that is submitted now would wait in vain. */
  isRefused: boolean;
}

/** The standing of a model. A worker that still reads its packages may yet serve each one that it has not refused. */
export function standingOf(model: string, workers: readonly WorkerInfo[]): Standing {
  const serving = workers.filter(({ models }) => models.some(({ name }) => name === model)).length;
  if (serving > 0) return { workers: serving, isRefused: false };
  if (workers.length === 0) return { workers: 0, heldUp: 'no worker is there', isRefused: false };
  const reasons = workers.flatMap(({ refused = [] }) => refused.filter(({ name }) => name === model));
  const loading = workers.filter(
    ({ loading: isLoading, refused = [] }) => isLoading && refused.every(({ name }) => name !== model),
  ).length;
  if (loading > 0) return { workers: 0, heldUp: `${counted(loading)} reading packages`, isRefused: false };
  const others = workers.length - reasons.length;
  const parts = [
    ...(reasons[0] ? [`refused by ${counted(reasons.length)}: ${reasons[0].reason}`] : []),
    ...(others > 0 ? [`${counted(others)} with other models only`] : []),
  ];
  return { workers: 0, heldUp: parts.join('; '), isRefused: true };
}

const counted = (count: number): string => `${count} worker${count === 1 ? '' : 's'}`;

/** Workers report within this time after they reload; until then no model is refused, in ms. */
const SETTLE_MS = 2_000;
/** Reports older than this are read again; requests wait for that when they are twice as old, in ms. */
const FRESH_MS = 1_000;
const RETRY_SECONDS = 5;

/** The workers' reports in this process: read at need, about once a second, for all requests together. */
export class Serving {
  readonly #partitions: Partitions;
  readonly #models: ModelRegistry;
  #workers: readonly WorkerInfo[] = [];
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(partitions: Partitions, models: ModelRegistry) {
    this.#partitions = partitions;
    this.#models = models;
  }

  /** The problem of a submission to a model that no worker can serve; undefined where one may, or Redis does not tell. */
  async problemOf(model: string): Promise<ProblemError | undefined> {
    const ageMs = performance.now() - this.#readMs;
    if (ageMs > FRESH_MS) {
      this.#reading ??= this.#read();
      if (ageMs > 2 * FRESH_MS) await this.#reading;
    }
    if (performance.now() - this.#models.reloadedMs < SETTLE_MS) return undefined;
    const { isRefused, heldUp = '' } = standingOf(model, this.#workers);
    if (!isRefused) return undefined;
    return new ProblemError('model-not-served', `${model}: ${heldUp}`, { retryAfterSeconds: RETRY_SECONDS });
  }

  async #read(): Promise<void> {
    this.#workers = await this.#partitions.workers().catch(() => []);
    this.#readMs = performance.now();
    this.#reading = undefined;
  }
}

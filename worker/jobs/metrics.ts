import { once } from 'node:events';
import { createServer } from 'node:http';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { messageOf } from '../../shared/errors.js';
import type { ClaimedJob, MicroBatchRun } from '../../shared/jobs/claimed-job.js';
import type { FailureCode } from '../../shared/contract/states.js';
import type { WorkerModel } from '../../shared/workers/registry.js';

/** Sums of one lane since the worker started, as the registry reports them. */
export interface LaneSums {
  /** Micro-batches run. */
  batches: number;
  /** Outcomes written. */
  jobs: number;
  lastBatchSize: number;
  meanBatchSize: number;
}

/** Records the work of one lane of one model. */
export interface LaneMetrics {
  readonly sums: Readonly<LaneSums>;
  /** A job was claimed; its wait is observed at the first claim alone. */
  claimed(job: Pick<ClaimedJob, 'isFirst' | 'waitedMs'>): void;
  /** A micro-batch was run. */
  ran(run: Pick<MicroBatchRun, 'batchSize' | 'prepareMs' | 'predictMs'>): void;
  /** Outcomes were written, all of them `succeeded`, or the code of a failure. */
  ended(outcome: string, jobs: number): void;
  retried(code: string): void;
  /** A lease was lost to another worker. */
  lost(): void;
}

/** Where Prometheus asks. */
export interface MetricsAddress {
  host: string;
  /** 0: any free port. */
  port: number;
}

const SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120,
];
const JOBS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const LANE = ['model', 'lane'] as const;
/** Operations that are repeated. */
const RETRIED: readonly FailureCode[] = ['timeout', 'worker_lost'];

/** Metrics of one worker for Prometheus. */
export class WorkerMetrics {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  readonly #wait = new Histogram({
    name: 'waggle_worker_queue_wait_seconds',
    help: "From submission to the first claim, by Redis's clock.",
    labelNames: LANE,
    buckets: SECONDS,
    registers: this.#registers,
  });
  readonly #prepare = this.#histogram(
    'waggle_worker_prepare_seconds',
    'Making columns of a micro-batch.',
    SECONDS,
  );
  readonly #predict = this.#histogram(
    'waggle_worker_predict_seconds',
    'Running the model on a micro-batch.',
    SECONDS,
  );
  readonly #batchSize = this.#histogram('waggle_worker_batch_size', 'Jobs in a micro-batch.', JOBS);
  readonly #ended = this.#counter('waggle_worker_outcomes_total', 'Outcomes written.', ['outcome']);
  readonly #retried = this.#counter('waggle_worker_retries_total', 'Attempts that went wrong.', ['code']);
  readonly #lost = this.#counter(
    'waggle_worker_lost_leases_total',
    'Leases that another worker has now.',
    [],
  );
  readonly #redisErrors = new Counter({
    name: 'waggle_worker_redis_errors_total',
    help: 'Errors of the connections to Redis.',
    registers: this.#registers,
  });

  readonly #models = new Gauge({
    name: 'waggle_worker_model_info',
    help: 'The models that this worker serves, and what runs them.',
    labelNames: ['model', 'version', 'engine', 'device'],
    registers: this.#registers,
  });
  readonly #served: () => readonly WorkerModel[];

  /** `served` is asked at every scrape. */
  constructor(served: () => readonly WorkerModel[]) {
    this.#served = served;
  }

  lane(model: string, lane: 'jobs' | 'chunks'): LaneMetrics {
    const labels = { model, lane };
    const [wait, prepare, predict, size] = [this.#wait, this.#prepare, this.#predict, this.#batchSize].map(
      (metric) => metric.labels(labels),
    );
    // From the start: of a counter that first shows up as 1, Prometheus misses the increase.
    this.#lost.inc(labels, 0);
    this.#ended.inc({ ...labels, outcome: 'succeeded' }, 0);
    for (const code of RETRIED) this.#retried.inc({ ...labels, code }, 0);
    const sums: LaneSums = { batches: 0, jobs: 0, lastBatchSize: 0, meanBatchSize: 0 };
    let rows = 0;
    return {
      sums,
      claimed({ isFirst, waitedMs }) {
        if (isFirst) wait?.observe(waitedMs / 1000);
      },
      ran({ batchSize, prepareMs, predictMs }) {
        rows += batchSize;
        sums.batches += 1;
        sums.lastBatchSize = batchSize;
        sums.meanBatchSize = rows / sums.batches;
        size?.observe(batchSize);
        prepare?.observe(prepareMs / 1000);
        predict?.observe(predictMs / 1000);
      },
      ended: (outcome, jobs) => {
        sums.jobs += jobs;
        this.#ended.inc({ ...labels, outcome }, jobs);
      },
      retried: (code) => this.#retried.inc({ ...labels, code }),
      lost: () => this.#lost.inc(labels),
    };
  }

  redisFailed(): void {
    this.#redisErrors.inc();
  }

  /** Adds what Node knows of this process: memory, CPU time, event-loop lag, garbage collection. For good. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Everything as Prometheus text. */
  scrape(): Promise<string> {
    this.#models.reset();
    for (const { name, version, engine, device } of this.#served()) {
      this.#models.set({ model: name, version, engine, device }, 1);
    }
    return this.#registry.metrics();
  }

  /** Answers `GET /metrics`, and nothing else. Rejects when the address cannot be had. */
  async serve({ host, port }: MetricsAddress): Promise<{ port: number; close(): Promise<void> }> {
    const server = createServer((request, response) => {
      if (request.url !== '/metrics') {
        response.writeHead(404).end('GET /metrics\n');
        return;
      }
      this.scrape().then(
        (text) => response.writeHead(200, { 'Content-Type': this.#registry.contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(messageOf(error)),
      );
    });
    server.listen(port, host);
    try {
      await once(server, 'listening');
    } catch (cause) {
      throw new Error(`metrics cannot be served on ${host}:${port}: set WORKER_METRICS_PORT to a free one`, {
        cause,
      });
    }
    const address = server.address();
    return {
      port: typeof address === 'object' && address !== null ? address.port : port,
      async close() {
        const closed = once(server, 'close');
        server.close();
        server.closeAllConnections();
        await closed;
      },
    };
  }

  #histogram(name: string, help: string, buckets: number[]) {
    return new Histogram({ name, help, labelNames: LANE, buckets, registers: this.#registers });
  }

  #counter(name: string, help: string, more: string[]): Counter {
    return new Counter({ name, help, labelNames: [...LANE, ...more], registers: this.#registers });
  }
}

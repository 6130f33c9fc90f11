import type { JobBody } from '../../shared/contract/job.js';

/** An instruction to the model of the harness for one row. */
type Act = 'answer' | 'slow' | 'throw' | 'crash' | 'hang' | 'nan';

/** One job to submit, and how it may end. */
export interface Order {
  /** Request id, and part of the Idempotency-Key. */
  key: string;
  input: { act: Act; value: number };
  /** Enough for every fault of a run, except where the job itself is at fault. */
  maxAttempts: number;
  timeoutMs: number;
  /** Cancel it once it is accepted. */
  isCanceled: boolean;
}

/**
 * The time of a job is longer than a worker is ever frozen: one that wakes must find its jobs still worth committing, or no
 * late commit would ever be tried.
 */
const HEALTHY = { act: 'answer', timeoutMs: 12_000, maxAttempts: 50 } as const;
/** Takes its time, so that workers have something in their hands whenever a fault strikes. */
const SLOW = { ...HEALTHY, act: 'slow' } as const;
const SLOW_OF_HUNDRED = 25;
/** Of three jobs that do no harm, this number has a single attempt: no fault of another job may cost it. */
const ONCE_OF_THREE = 1;
/** The misbehaving jobs of a round. A job that crashes or hangs costs its whole micro-batch an inference process. */
const MISBEHAVING: readonly (Pick<Order, 'maxAttempts' | 'timeoutMs'> & { act: Act })[] = [
  { ...HEALTHY, act: 'crash', maxAttempts: 2 },
  { act: 'hang', maxAttempts: 1, timeoutMs: 300 },
  { act: 'hang', maxAttempts: 1, timeoutMs: 1_000 },
  { ...HEALTHY, act: 'throw' },
  { ...HEALTHY, act: 'throw' },
  { ...HEALTHY, act: 'nan' },
  { ...HEALTHY, act: 'nan' },
];
/** Alternates between slow ones and others. */
const CANCELED_OF_FIFTY = 7;

/** The jobs of one round, misbehaving ones scattered among them. */
export function makeOrders(round: string, count: number): Order[] {
  const spread = Math.max(1, Math.floor(count / MISBEHAVING.length));
  return Array.from({ length: count }, (_, index) => {
    const isOdd = index % spread === Math.floor(spread / 2);
    const healthy = index % 100 < SLOW_OF_HUNDRED ? SLOW : HEALTHY;
    const { act, ...limits } = (isOdd ? MISBEHAVING[Math.floor(index / spread)] : undefined) ?? {
      ...healthy,
      ...(index % 3 < ONCE_OF_THREE ? { maxAttempts: 1 } : {}),
    };
    return {
      key: `${round}-${index}`,
      input: { act, value: (index % 50_000) / 100 },
      ...limits,
      isCanceled: (act === 'answer' || act === 'slow') && index % 50 === CANCELED_OF_FIFTY,
    };
  });
}

/** Jobs of every other part of a burst, which are submitted in one request. */
const MANY = 8;

/** Parts of a burst, each to be submitted in one request: many jobs at once, and as many one by one, in turn. */
export function* requestsOf(orders: readonly Order[]): Generator<readonly Order[], void> {
  for (let at = 0; at < orders.length; at += 2 * MANY) {
    yield orders.slice(at, at + MANY);
    for (const order of orders.slice(at + MANY, at + 2 * MANY)) yield [order];
  }
}

/** The value that the model makes of another; results are compared with it. */
export const expectedOf = (value: number): number => 2 * value;
export const TOLERANCE = 0.011;

/** Why an ended job is not as it should be; undefined when it is. */
export function faultOf({ input, isCanceled }: Order, job: JobBody): string | undefined {
  const found = job.status === 'failed' ? `failed: ${job.error?.code}` : job.status;
  const allowed = isCanceled ? [...ENDINGS[input.act], 'canceled'] : ENDINGS[input.act];
  if (!allowed.includes(found)) return `${found} instead of ${allowed.join(' or ')}`;
  if (job.status !== 'succeeded') return undefined;
  const value = job.result?.['doubled'];
  const expected = expectedOf(input.value);
  if (typeof value === 'number' && Math.abs(value - expected) <= TOLERANCE) return undefined;
  return `${JSON.stringify(value)} instead of ${expected}`;
}

/** Tells whether a harmless job lost an attempt. A canceled job may have none. */
export function isCharged({ input }: Order, { attempts, error }: JobBody): boolean {
  if (input.act === 'crash' || input.act === 'hang') return false;
  return attempts > 1 || error?.code === 'worker_lost' || error?.code === 'timeout';
}

/**
 * The ends of a job that is not {@link isCharged charged}, by its act. A job that hangs has a single attempt, which a
 * killed worker may have taken.
 */
const ENDINGS: Record<Act, readonly string[]> = {
  answer: ['succeeded'],
  slow: ['succeeded'],
  throw: ['failed: model_error'],
  nan: ['failed: invalid_output'],
  crash: ['failed: worker_lost'],
  hang: ['failed: timeout', 'failed: worker_lost'],
};

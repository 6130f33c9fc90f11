import { type Collector, FAILED, SPAN_KIND, type SeenSpan, startCollector } from '../support/collector.js';
import { until } from '../support/latch.js';
import { useWorkerRig } from '../support/rigs/worker-rig.js';

let collector: Collector;
const rig = useWorkerRig({ shared: true });
beforeAll(async () => {
  // Spans are sent as soon as they have ended.
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '1';
  collector = await startCollector();
  await rig.start({ tracing: { endpoint: collector.endpoint } });
});
afterAll(() => collector.close());

const traceIdOf = (n: number): string => String(n).padStart(32, '0');
const parentIdOf = (n: number): string => String(n).padStart(16, 'a');
const traceparentOf = (n: number, flags = '01'): string => `00-${traceIdOf(n)}-${parentIdOf(n)}-${flags}`;
const idOf = ({ traceId, spanId }: SeenSpan) => ({ traceId, spanId });

const runs = (): SeenSpan[] => collector.spans().filter(({ name }) => name === 'run faulty');
const attemptsAt = (id: string): SeenSpan[] =>
  collector.spans().filter(({ attributes }) => attributes['waggle.job_id'] === id);
const attemptAt = (id: string): Promise<SeenSpan> =>
  until(() => attemptsAt(id)[0], { what: 'the span of a job' });
/** The runs of a model that these attempts took part in. */
const runsOf = (attempts: readonly SeenSpan[]): SeenSpan[] => {
  const ids = new Set(attempts.map(({ spanId }) => spanId));
  return runs().filter(({ links }) => links.some(({ spanId }) => ids.has(spanId)));
};

/** Orders jobs that are all in hand at once: the model is held up meanwhile. */
async function orderTogether(count: number, traceparent: (n: number) => string): Promise<string[]> {
  const held = await rig.order('hold', 0, { traceparent: traceparentOf(1, '00') });
  await rig.isHeld();
  const ids = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      rig.order('answer', n, { traceparent: traceparent(n), requestId: `r${n}` }),
    ),
  );
  rig.letGo();
  await rig.allEnd([held, ...ids]);
  return ids;
}

it('begins a trace for a job without one: a lone job is one trace from the queue to the model', async () => {
  const id = await rig.order('answer', 1);
  const attempt = await attemptAt(id);
  expect(attempt.parentId).toBe('');
  const below = await until(() => {
    const found = collector.spans().filter(({ traceId }) => traceId === attempt.traceId);
    return found.length === 4 && found;
  });
  const [run] = runsOf([attempt]);
  expect(run?.parentId).toBe(attempt.spanId);
  const steps = below.filter(({ parentId }) => parentId === run?.spanId);
  expect(steps.map(({ name }) => name)).toEqual(['prepare', 'predict']);
  // The SDK begins each span at a whole millisecond, and adds its exact duration.
  const roundingNs = 1_000_000n;
  for (const { startNs, endNs } of steps) {
    expect(run && startNs >= run.startNs && endNs <= run.endNs + roundingNs).toBe(true);
  }
});

it('goes on with the trace of each job, and ties a micro-batch to all of its jobs', async () => {
  const ids = await orderTogether(12, (n) => traceparentOf(10 + n));
  const attempts = await Promise.all(ids.map(attemptAt));
  attempts.forEach((attempt, n) => {
    expect(attempt).toMatchObject({
      service: 'waggle-worker',
      name: 'process faulty',
      kind: SPAN_KIND.consumer,
      traceId: traceIdOf(10 + n),
      parentId: parentIdOf(10 + n),
      attributes: {
        'messaging.destination.name': 'faulty',
        'waggle.request_id': `r${n}`,
        'waggle.attempt': 1,
        'waggle.outcome': 'succeeded',
      },
    });
    expect(attempt.attributes['waggle.queue_wait_ms']).toBeGreaterThan(0);
    expect(attempt.attributes['waggle.predict_ms']).toBeGreaterThan(0);
  });
  const linked = () => runsOf(attempts).reduce((sum, { links }) => sum + links.length, 0);
  await until(() => linked() === 12, { what: 'a link to every job' });

  const shared = runsOf(attempts).filter(({ links }) => links.length > 1);
  expect(shared.length).toBeGreaterThan(0);
  for (const run of shared) {
    const members = attempts.filter(({ spanId }) => run.links.some((link) => link.spanId === spanId));
    expect(run.attributes['messaging.batch.message_count']).toBe(members.length);
    const host = members.find(({ spanId }) => spanId === run.parentId);
    expect(host?.traceId).toBe(run.traceId);
    for (const member of members) {
      expect(member.attributes['waggle.batch_size']).toBe(members.length);
      expect(member.links).toEqual(member === host ? [] : [idOf(run)]);
    }
  }
});

it('sends nothing of a job whose trace is not sampled, and still shows its batch to the others', async () => {
  const ids = await orderTogether(12, (n) => traceparentOf(40 + n, n === 11 ? '01' : '00'));
  const seen = await attemptAt(ids[11] ?? '');
  const [run] = await until(() => runsOf([seen]).length > 0 && runsOf([seen]));
  expect(run?.traceId).toBe(traceIdOf(51));
  expect(run?.links).toEqual([idOf(seen)]);
  expect(run?.attributes['messaging.batch.message_count']).toBe(seen.attributes['waggle.batch_size']);
  expect(ids.slice(0, 11).flatMap(attemptsAt)).toEqual([]);
});

it('marks what goes wrong: the job that is to blame, each attempt, and the run of the model', async () => {
  const [thrown, hung] = [
    await rig.order('throw', 1),
    await rig.order('hang', 2, { timeoutMs: 50, maxAttempts: 2 }),
  ];
  await rig.allEnd([thrown, hung]);
  await until(() => attemptsAt(thrown).length === 1 && attemptsAt(hung).length === 2);
  const attempts = [thrown, hung].flatMap(attemptsAt);
  const told = attempts.map(({ attributes, status }) => [
    attributes['waggle.attempt'],
    attributes['waggle.outcome'],
    attributes['error.type'],
    status.code,
  ]);
  expect(told).toEqual([
    [1, 'failed', 'model_error', FAILED],
    [1, 'retried', 'timeout', FAILED],
    [2, 'failed', 'timeout', FAILED],
  ]);
  expect(attempts[0]?.status.message).toContain('told to throw at 1');
  const run = await until(() => runsOf(attempts.slice(0, 1)).at(-1));
  expect(run.status).toMatchObject({ code: FAILED, message: expect.stringContaining('told to throw at 1') });
});

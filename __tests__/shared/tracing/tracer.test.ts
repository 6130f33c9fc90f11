import { openTracer, parseTracing } from '../../../shared/tracing/open-tracer.js';
import { type Span, NO_SPAN, NO_TRACER } from '../../../shared/tracing/tracer.js';
import { type Collector, startCollector } from '../../support/collector.js';
import { keepingLog } from '../../support/keeping-log.js';

const collectors: Collector[] = [];
afterEach(async () => {
  for (const collector of collectors.splice(0)) await collector.close();
});

async function open(answer?: Parameters<typeof startCollector>[0]): Promise<Collector> {
  const collector = await startCollector(answer);
  collectors.push(collector);
  return collector;
}

it('takes addresses of http and https alone, and no address for no tracing', () => {
  expect(parseTracing('')).toBeUndefined();
  expect(parseTracing('http://127.0.0.1:4318/')).toEqual({ endpoint: 'http://127.0.0.1:4318' });
  expect(parseTracing('https://otel.example.org/x')).toEqual({ endpoint: 'https://otel.example.org/x' });
  for (const text of ['127.0.0.1:4318', 'grpc://here', 'http://', 'http://:x']) {
    expect(() => parseTracing(text)).toThrow('must be an http:// or https:// address');
  }
});

it('is nothing at all without an address', async () => {
  const tracer = await openTracer('test', { tracing: undefined, log: keepingLog() });
  expect(tracer).toBe(NO_TRACER);
  expect(tracer.start('a', { kind: 'server' })).toBe(NO_SPAN);
  expect(NO_SPAN.traceparent).toBeUndefined();
});

it('sends what is left when it is closed, with parents, links, attributes and failures', async () => {
  const collector = await open();
  const log = keepingLog();
  const tracer = await openTracer('test', { tracing: { endpoint: collector.endpoint }, log });
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const first = tracer.start('first', { kind: 'server', parent, attributes: { here: 1, not: undefined } });
  const alone = tracer.start('alone', { kind: 'internal' });
  const below: Span = first.child('below', { links: [alone, NO_SPAN] });
  below.fail('it broke');
  for (const span of [below, first, alone]) span.end();
  await tracer.close();
  const byName = new Map(collector.spans().map((span) => [span.name, span]));
  expect(byName.get('first')).toMatchObject({
    service: 'test',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    parentId: 'b7ad6b7169203331',
    attributes: { here: 1 },
    status: { code: 0 },
  });
  const { traceId, spanId } = byName.get('alone') ?? {};
  expect(byName.get('below')).toMatchObject({
    traceId: byName.get('first')?.traceId,
    parentId: byName.get('first')?.spanId,
    links: [{ traceId, spanId }],
    status: { code: 2, message: 'it broke' },
  });
  expect(alone.traceparent).toBe(`00-${traceId}-${spanId}-01`);
  expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([]);
});

it('lets nobody wait for a collector that is away, silent or refuses, and says so sparingly', async () => {
  const gone = await startCollector();
  await gone.close();
  const [silent, refusing] = [await open({ hangs: true }), await open({ status: 503 })];
  const log = keepingLog();
  await Promise.all(
    [gone, silent, refusing].map(async ({ endpoint }) => {
      const tracer = await openTracer('test', { tracing: { endpoint }, log });
      for (let n = 0; n < 3_000; n += 1) tracer.start('one of many', { kind: 'internal' }).end();
      await tracer.close();
    }),
  );
  expect(silent.requests).toBeGreaterThan(0);
  expect(refusing.requests).toBeGreaterThan(0);
  const complaints = log.lines.filter(({ level }) => level === 'warn');
  expect(complaints.length).toBeGreaterThan(0);
  // One for each of the three tracers at most.
  expect(complaints.length).toBeLessThanOrEqual(3);
});

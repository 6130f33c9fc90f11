import * as fc from 'fast-check';
import { jobJson } from '../../api/jobs/present-job.js';
import type { JobView } from '../../api/jobs/job-view.js';
import { JobBody } from '../../shared/contract/job.js';
import { isInputApart, KEEP_INPUTS } from '../../shared/jobs/job.js';
import { FAILURE_CODES } from '../../shared/contract/states.js';
import { createAjv, violationsOf } from '../../shared/validation/ajv.js';

const validate = createAjv().compile(JobBody);
const ID = '019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f';

const CREATED_MS = 1_790_000_000_000.123;
const time = fc.nat(1_000_000_000_000).map((us) => CREATED_MS + us / 1_000);
const text = fc.string({ unit: 'binary', maxLength: 20 });
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const values = fc.dictionary(text, fc.jsonValue());
const base = {
  id: fc.constant(ID),
  model: fc.constant('m-1'),
  queue: fc.constant('m-1'),
  owner: text,
  inputJson: maybe(values.map((input) => JSON.stringify(input))),
  keepInput: maybe(fc.constantFrom(...KEEP_INPUTS)),
  requestId: maybe(text),
  priority: fc.constant('normal' as const),
  timeoutMs: fc.nat(),
  maxAttempts: fc.nat(),
  resultTtlMs: fc.nat(),
  attempts: fc.nat(),
  createdMs: fc.constant(CREATED_MS),
  replayOf: maybe(fc.constant(ID)),
};
const ms = fc.integer({ min: 0, max: 9_999_999 }).map((us) => us / 1_000);
const ended = { finishedMs: time, expiresMs: time, startedMs: maybe(time) };
const ran = {
  ...ended,
  modelVersion: maybe(text),
  timings: maybe(fc.record({ prepareMs: ms, predictMs: ms, batchSize: fc.integer({ min: 1, max: 64 }) })),
};
const job = fc.oneof(
  fc.record({
    ...base,
    state: fc.constant('queued' as const),
    queueDeadlineMs: maybe(time),
    startsMs: maybe(time),
    waitingBefore: maybe(fc.nat()),
  }),
  fc.record({ ...base, state: fc.constantFrom('running', 'canceling'), startedMs: time }),
  fc.record({
    ...base,
    ...ran,
    state: fc.constant('succeeded' as const),
    resultJson: values.map((result) => JSON.stringify(result)),
  }),
  fc.record({
    ...base,
    ...ran,
    state: fc.constant('failed' as const),
    failure: fc.record({ code: fc.constantFrom(...FAILURE_CODES), message: text }),
  }),
  fc.record({ ...base, ...ended, state: fc.constantFrom('canceled', 'expired') }),
);
const place = maybe(
  fc.record({ position: fc.integer({ min: 1 }), etaMs: maybe(fc.nat()), isEstimate: fc.boolean() }),
);

it('is a body as the contract has it, whatever the job holds', () => {
  fc.assert(
    fc.property(job, place, (one, where) => {
      const view: JobView = where ? { job: one, place: where } : { job: one };
      const body = JSON.parse(jobJson(view)) as JobBody;
      expect(validate(body) ? [] : violationsOf(validate)).toEqual([]);
      expect([body.status, body.request_id, body.attempts]).toEqual([one.state, one.requestId, one.attempts]);
      expect(JSON.stringify(body.input)).toBe(one.inputJson && JSON.stringify(JSON.parse(one.inputJson)));
      expect(body.error).toEqual(one.state === 'failed' ? one.failure : undefined);
      expect(body.result).toEqual(one.state === 'succeeded' ? JSON.parse(one.resultJson) : undefined);
      expect(body.links.input !== undefined).toBe(isInputApart(one));
      expect(body.links.cancel === undefined).toBe('finishedMs' in one);
    }),
    { numRuns: 300 },
  );
});

import { JobLeases } from '../../shared/jobs/job-leases.js';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR } from '../support/rigs/models-folder.js';

const api = useApiRig();

/** Ends a job with a result in a worker that keeps so many bytes of one; tells how the job is then. */
async function endOf(result: Record<string, unknown>, maxResultBytes: number) {
  const { id } = (await api.submit({ input: TRIP })).body;
  const job = await api.worker.claim(id);
  const run = { queue: LINEAR, modelVersion: '1', prepareMs: 0, predictMs: 0, batchSize: 1 };
  const leases = new JobLeases(api.ctx.partitions.home.records, maxResultBytes);
  expect(await leases.commit(run, [{ job, verdict: { ok: true, result } }])).toEqual(['committed']);
  return (await api.poll(id)).body;
}

it('is written when it has as many bytes as MAX_RESULT_BYTES allows', async () => {
  const result = { duration: 12.9 };
  expect(await endOf(result, 17)).toMatchObject({ status: 'succeeded', result });
});

it.each([
  ['a byte more', { duration: 12.9 }, 16],
  ['as many characters, and more bytes', { duration: 'ää' }, 17],
])('fails its job, which is not run again, when it has %s', async (_, result, maxResultBytes) => {
  const body = await endOf(result, maxResultBytes);
  expect(body).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'invalid_output' } });
  expect(body.error.message).toContain('MAX_RESULT_BYTES');
  expect(body).not.toHaveProperty('result');
});

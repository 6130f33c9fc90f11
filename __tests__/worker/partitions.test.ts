import { JobIntake } from '../../shared/jobs/job-intake.js';
import { JobStore } from '../../shared/jobs/job-store.js';
import { RecordScripts } from '../../shared/records/records.js';
import { parseRedisAddress } from '../../shared/redis/address.js';
import { startLinkProxy } from '../faults/link-proxy.js';
import { until } from '../support/latch.js';
import { newJob } from '../support/rigs/job-rig.js';
import { type Act, useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig();

/** One of two partitions. */
function partition(index: number) {
  const records = new RecordScripts(rig.redis, rig.keyPrefix, { index, count: 2 });
  const [intake, store] = [new JobIntake(records), new JobStore(records)];
  return {
    prefix: records.prefix,
    order: async (act: Act, value: number): Promise<string> => {
      const job = newJob({ model: 'faulty', input: { act, value }, maxAttempts: 1 });
      await intake.create(job, 1_000);
      return job.id;
    },
    reaches: (id: string, state: string) =>
      until(
        async () => {
          const job = await store.find(id);
          return job?.state === state && job;
        },
        { what: `the state ${state}` },
      ),
  };
}

it('runs the jobs of a partition while another answers no claim, and then the jobs of that one, once', async () => {
  const link = await startLinkProxy(rig.server.place);
  const [prompt, late] = [partition(0), partition(1)];
  try {
    await rig.start({ redis: parseRedisAddress(link.url), partitions: 2 });
    // From now on Redis knows the scripts: the claim that is held up is sent once.
    await late.reaches(await late.order('answer', 0), 'succeeded');
    // A claim has the prefix as a word of its own.
    const answer = link.hold(`\r\n${late.prefix}\r\n`);
    const waiting = await late.order('answer', 1);
    await late.reaches(waiting, 'running');
    for (let value = 0; value < 5; value += 1) {
      await prompt.reaches(await prompt.order('answer', value), 'succeeded');
    }
    // The worker has not given up the connection meanwhile, so its claim is still to be answered.
    expect(rig.log.said('Redis connection')).toBeUndefined();
    await late.reaches(waiting, 'running');

    answer();
    expect(await late.reaches(waiting, 'succeeded')).toMatchObject({
      attempts: 1,
      resultJson: JSON.stringify({ doubled: 2 }),
    });
    const claims = rig.log.lines.filter(
      ({ message, fields }) => message === 'job claimed' && fields['job_id'] === waiting,
    );
    expect(claims).toHaveLength(1);
  } finally {
    await rig.stopWorkers();
    await link.close();
  }
});

it('runs by themselves the jobs of a micro-batch that failed, whichever partitions they are in', async () => {
  const both = [partition(0), partition(1)];
  const orders = await Promise.all(
    both.map(async ({ order, reaches }, index) => ({
      reaches,
      bad: await order(index === 0 ? 'crash' : 'throw', 0),
      good: await Promise.all([1, 2, 3].map((value) => order('answer', value))),
    })),
  );
  await rig.start({ partitions: 2 });
  for (const [index, { reaches, bad, good }] of orders.entries()) {
    for (const id of good) expect(await reaches(id, 'succeeded')).toMatchObject({ attempts: 1 });
    const failure = { code: index === 0 ? 'worker_lost' : 'model_error' };
    expect(await reaches(bad, 'failed')).toMatchObject({ attempts: 1, failure });
  }
});

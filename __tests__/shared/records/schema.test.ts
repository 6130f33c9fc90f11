import { listJobs } from '../../../shared/jobs/job-list.js';
import { useJobRig } from '../../support/rigs/job-rig.js';

const rig = useJobRig();

const put = (name: string, text: string) => rig.redis.command(['SET', rig.records.key(name), text]);

it('lets every process of this version start on records of its own, and none on those of another', async () => {
  await rig.records.requireSchema();
  await expect(rig.records.requireSchema()).resolves.toBeUndefined();
  await put('schema', '4');
  await expect(rig.records.requireSchema()).rejects.toThrow(
    /:schema has record schema 4, this version reads schema 3: .*docs\/upgrading\.md/,
  );
});

it('refuses to read a record of another version, and says what to do', async () => {
  const id = await rig.submit();
  const text = String(await rig.redis.command(['GET', rig.records.key(`job:${id}`)]));
  await put(`job:${id}`, text.replace(/^3/, '4'));
  const message = /the record of job .* has record schema 4, this version reads schema 3: .*docs\/upgrading/;
  await expect(rig.store.find(id)).rejects.toThrow(message);
  const filter = { owner: undefined, states: [] };
  await expect(listJobs({ records: rig.records, jobs: rig.store }, filter, { limit: 9 })).rejects.toThrow(
    message,
  );
});

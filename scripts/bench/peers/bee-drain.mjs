// A limit: Bee-Queue with a handler that does nothing, in the settings that cost it least.
// Arguments: path of the Redis socket, number of jobs. Prints jobs a second.
import BeeQueue from 'bee-queue';

const [, , path, count] = process.argv;
const settings = { redis: { path }, getEvents: false, sendEvents: false, storeJobs: false };
const producer = new BeeQueue('nothing', { ...settings, isWorker: false });
const jobs = Array.from({ length: Number(count) }, () => producer.createJob({}));
for (let at = 0; at < jobs.length; at += 1_000) await producer.saveAll(jobs.slice(at, at + 1_000));
const worker = new BeeQueue('nothing', { ...settings, removeOnSuccess: true });
await worker.ready();
let left = jobs.length;
const startMs = performance.now();
worker.process(128, async () => {
  left -= 1;
  if (left > 0) return;
  console.log(`ready ${Math.round((jobs.length * 1000) / (performance.now() - startMs))}`);
  // The worker is still writing the end of the last jobs.
  setTimeout(() => process.exit(), 100);
});

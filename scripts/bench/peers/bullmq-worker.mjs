// Fastify and BullMQ: the worker.
// Arguments: path of the Redis socket, model folder
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { loadLinearModel } from './linear-model.mjs';

const predict = await loadLinearModel(process.argv[3]);
const worker = new Worker('trips', async (job) => ({ duration: predict(job.data) }), {
  connection: new Redis({ path: process.argv[2], maxRetriesPerRequest: null }),
  concurrency: 50,
});
worker.on('error', (error) => console.error(error.message));
await worker.waitUntilReady();
console.log('ready');

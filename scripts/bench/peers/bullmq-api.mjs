// Fastify and BullMQ: the web side, with one log line a request, as Waggle has it.
// Arguments: path of the Redis socket
import Fastify from 'fastify';
import { Queue, QueueEvents } from 'bullmq';
import { Redis } from 'ioredis';
import { TRIP_SCHEMA } from './linear-model.mjs';

const connect = () => new Redis({ path: process.argv[2], maxRetriesPerRequest: null });
const trips = new Queue('trips', {
  connection: connect(),
  defaultJobOptions: { removeOnComplete: { age: 86_400 }, removeOnFail: { age: 86_400 } },
});
const events = new QueueEvents('trips', { connection: connect() });
await events.waitUntilReady();
const app = Fastify({ logger: true, disableRequestLogging: true, bodyLimit: 4 * 1024 * 1024 });
app.addHook('onResponse', async (request, reply) => {
  request.log.info(
    {
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      ms: reply.elapsedTime,
    },
    'request',
  );
});
app.post('/jobs', { schema: { body: TRIP_SCHEMA } }, async (request, reply) => {
  const job = await trips.add('predict', request.body);
  return reply.code(202).send({ id: job.id, status: 'waiting' });
});
app.post('/jobs/wait', { schema: { body: TRIP_SCHEMA } }, async (request) => {
  const job = await trips.add('predict', request.body);
  return { id: job.id, status: 'completed', result: await job.waitUntilFinished(events, 30_000) };
});
app.post(
  '/jobs/many',
  { schema: { body: { type: 'array', items: TRIP_SCHEMA } } },
  async (request, reply) => {
    const jobs = await trips.addBulk(request.body.map((data) => ({ name: 'predict', data })));
    return reply.code(202).send({ ids: jobs.map(({ id }) => id) });
  },
);
app.get('/jobs/:id', async (request, reply) => {
  const job = await trips.getJob(request.params.id);
  if (!job) return reply.code(404).send({ error: 'no such job' });
  if (job.failedReason) return { id: job.id, status: 'failed', error: job.failedReason };
  if (job.finishedOn) return { id: job.id, status: 'completed', result: job.returnvalue };
  return { id: job.id, status: job.processedOn ? 'active' : 'waiting' };
});
await app.listen({ port: 0, host: '127.0.0.1' });
console.log(`ready ${app.server.address().port}`);

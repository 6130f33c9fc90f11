// Fastify and BullMQ, submit then poll: the web side.
// Arguments: path of the Redis socket
import Fastify from 'fastify';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { TRIP_SCHEMA } from './linear-model.mjs';

const trips = new Queue('trips', {
  connection: new Redis({ path: process.argv[2], maxRetriesPerRequest: null }),
  defaultJobOptions: { removeOnComplete: { age: 86_400 }, removeOnFail: { age: 86_400 } },
});
const app = Fastify();
app.post('/jobs', { schema: { body: TRIP_SCHEMA } }, async (request, reply) => {
  const job = await trips.add('predict', request.body);
  return reply.code(202).send({ id: job.id, status: 'waiting' });
});
app.get('/jobs/:id', async (request, reply) => {
  const job = await trips.getJob(request.params.id);
  if (!job) return reply.code(404).send({ error: 'no such job' });
  if (job.failedReason) return { id: job.id, status: 'failed', error: job.failedReason };
  if (job.finishedOn) return { id: job.id, status: 'completed', result: job.returnvalue };
  return { id: job.id, status: job.processedOn ? 'active' : 'waiting' };
});
await app.listen({ port: 0, host: '127.0.0.1' });
console.log(`ready ${app.server.address().port}`);

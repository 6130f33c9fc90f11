import type { Target } from '../rounds/verdicts.js';
import { BEE_DRAIN, DRAIN, SUBMITS } from './burst-measures.js';
import { BATCH } from './batch-measures.js';
import { ENGINE, READER_EXPRESS } from './limit-measures.js';
import { costOf, FEW, idleOf, rateOf, SUM } from './load-measures.js';

const BULLMQ = 'Fastify + BullMQ, poll';

/** The goals of this project on two cores. */
export const TARGETS: readonly Target[] = [
  {
    name: 'submit then poll, 64 clients, over Fastify + BullMQ',
    figure: rateOf('Waggle, poll', 64),
    over: rateOf(BULLMQ, 64),
    goal: { atLeast: 2.3 },
  },
  {
    name: 'submit with wait, 64 clients, over Fastify + BullMQ',
    figure: rateOf('Waggle, wait', 64),
    over: rateOf(BULLMQ, 64),
    goal: { atLeast: 3 },
  },
  {
    name: 'submit with wait, 64 clients, over its own wait',
    figure: rateOf('Waggle, wait', 64),
    over: rateOf('Fastify + BullMQ, its own wait', 64),
    goal: { atLeast: 2.5 },
  },
  {
    name: '256 jobs a request, over addBulk and polls',
    figure: rateOf('Waggle, 256 at once', FEW),
    over: rateOf('Fastify + BullMQ, addBulk of 256, poll', FEW),
    goal: { atLeast: 4 },
  },
  {
    name: 'CPU time a job with keys, request ids and Idempotency-Keys, over without',
    figure: costOf(rateOf('Waggle with keys, wait', 64), SUM),
    over: costOf(rateOf('Waggle, wait', 64), SUM),
    goal: { atMost: 1.25 },
  },
  {
    name: 'submit then poll, 64 clients, over FastAPI + Celery',
    figure: rateOf('Waggle, poll', 64),
    over: rateOf('FastAPI + Celery, poll', 64),
    goal: { atLeast: 40 },
  },
  {
    name: 'submits over a bare Express 202 with the same body parsing',
    figure: SUBMITS,
    over: READER_EXPRESS,
    goal: { atLeast: 0.5 },
  },
  {
    name: 'draining a burst over raw Bee-Queue',
    figure: DRAIN,
    over: BEE_DRAIN,
    goal: { atLeast: 0.75 },
  },
  {
    name: 'batch rows over the bare engine',
    figure: BATCH,
    over: ENGINE,
    goal: { atLeast: 0.75 },
  },
  {
    name: 'batch rows over one job a row through Fastify + BullMQ',
    figure: BATCH,
    over: rateOf(BULLMQ, 256),
    goal: { atLeast: 30 },
  },
  {
    name: 'idle, submit to result, over FastAPI + Celery blocking',
    figure: idleOf('Waggle, wait'),
    over: idleOf('FastAPI + Celery, blocking'),
    goal: { atMost: 0.45 },
  },
];

import { percentile } from '../../lib/figures.js';
import { type Act, type Load, runClients } from '../load/clients.js';
import { ask, submitManyThenPoll, submitThenPoll } from '../load/job-clients.js';
import type { SubjectName, Subjects } from '../subjects/subjects.js';
import { MANY, type Subject } from '../subjects/subject.js';
import type { Measure, Reading } from '../rounds/measure.js';

/** Number of clients that submit at a time. */
export const CLIENTS = [1, 16, 64, 256] as const;

/** An API has compiled what it runs after about 10,000 jobs: few clients do not submit as many, and CPU time is not told of them. */
const WARM_UP_MS = 1_000;
const BUSY_WARM_UP_MS = 4_000;
const IDLE_JOBS = 300;
/** Numbers of clients for which CPU time and polls are told, too. */
export const BUSY = [64, 256] as const;
/** Clients that submit many jobs at once. */
export const FEW = 4;

/** A way in which clients get results. */
interface Way {
  subject: SubjectName;
  /** Name of the way in figures. */
  name: string;
  act: (subject: Subject) => Act;
  /** Jobs of one act; 1 where it is left out. */
  jobs?: number;
  clients: readonly number[];
}

const poll = (subject: SubjectName, name: string): Way => ({
  subject,
  name,
  act: submitThenPoll,
  clients: CLIENTS,
});
const wait = (subject: SubjectName, name: string, clients: readonly number[] = CLIENTS): Way => ({
  subject,
  name,
  act: ({ asks, hasResult }) => ask(asks, hasResult),
  clients,
});

/** Subjects and ways of measuring them, by the names of the figures. */
export const WAYS: readonly Way[] = [
  poll('waggle', 'Waggle, poll'),
  poll('bullmq', 'Fastify + BullMQ, poll'),
  poll('celery', 'FastAPI + Celery, poll'),
  poll('bentoml', 'BentoML tasks, poll'),
  wait('waggle', 'Waggle, wait'),
  wait('keyed', 'Waggle with keys, wait', BUSY),
  wait('bullmq', 'Fastify + BullMQ, its own wait', BUSY),
  wait('celery', 'FastAPI + Celery, blocking'),
  wait('bentoml', 'BentoML, blocking'),
  wait('litserve', 'LitServe, blocking'),
  wait('naive', 'Express, model inside'),
  {
    subject: 'waggle',
    name: 'Waggle, 256 at once',
    act: ({ many = [], hasResult }) => ask(many, hasResult),
    jobs: MANY,
    clients: [FEW],
  },
  {
    subject: 'bullmq',
    name: 'Fastify + BullMQ, addBulk of 256, poll',
    act: ({ many = [], hasResult }) => submitManyThenPoll(many, hasResult),
    jobs: MANY,
    clients: [FEW],
  },
];

/** Name of a figure of {@link loadMeasures}. */
export const rateOf = (way: string, clients: number): string =>
  `${way}, ${clients} client${clients === 1 ? '' : 's'}`;
/** Name of a figure of {@link idleMeasures}. */
export const idleOf = (way: string): string => `${way}, idle, p50`;
/** Names of the figures that tell what a job of a way costs: CPU time by kind of process, requests, and the median time. */
export const costOf = (rate: string, what: string): string => `${rate}: ${what}`;
export const REQUESTS = 'requests';
export const P50 = 'p50';
export const SUM = 'all';

/** Jobs a second in each way, by the number of clients, and what a job costs where many are busy; runs last `ms`. */
export function loadMeasures(subjects: Subjects, ms: number): Measure[] {
  const here = WAYS.filter(({ subject }) => subjects.isHere(subject));
  return here.flatMap((way) =>
    way.clients.map((clients): Measure => {
      const name = rateOf(way.name, clients);
      const load = async (until: Load['until']) => {
        const subject = await subjects.get(way.subject);
        const before = subject.cpuUs();
        const { perSecond, requests, latenciesMs } = await runClients(
          { port: subject.port, clients, until },
          way.act(subject),
        );
        const after = subject.cpuUs();
        const { jobs: each = 1 } = way;
        const jobs = latenciesMs.length * each;
        const cost = (what: string, unit: string, value: number): Reading => ({
          figure: costOf(name, what),
          unit,
          value,
        });
        const cpu = Object.entries(after).map(([kind, us]): [string, number] => [
          kind,
          (us - (before[kind] ?? 0)) / jobs,
        ]);
        const rate: Reading = { figure: name, unit: 'jobs/s', value: perSecond * each };
        if (clients === 1 || clients === 16) return [rate];
        return [
          rate,
          cost(P50, 'ms', percentile(latenciesMs, 0.5)),
          cost(REQUESTS, 'a job', requests / jobs),
          ...cpu.map(([kind, us]) => cost(kind, 'µs a job', us)),
          cost(
            SUM,
            'µs a job',
            cpu.reduce((sum, [, us]) => sum + us, 0),
          ),
        ];
      };
      return {
        name,
        warmUp: () => load({ ms: clients < BUSY[0] ? WARM_UP_MS : BUSY_WARM_UP_MS }),
        run: () => load({ ms }),
      };
    }),
  );
}

/** Time of one job that is alone on the machine, for subjects that answer with the result. */
export function idleMeasures(subjects: Subjects): Measure[] {
  const answering = WAYS.filter(
    ({ subject, name, clients }) => subjects.isHere(subject) && clients.includes(1) && !name.endsWith('poll'),
  );
  return answering.map((way): Measure => {
    const name = idleOf(way.name);
    const run = async (): Promise<Reading[]> => {
      const subject = await subjects.get(way.subject);
      const load = { port: subject.port, clients: 1, until: { count: IDLE_JOBS } };
      const { latenciesMs } = await runClients(load, way.act(subject));
      return [{ figure: name, unit: 'ms', value: percentile(latenciesMs, 0.5) }];
    };
    return { name, warmUp: run, run };
  });
}

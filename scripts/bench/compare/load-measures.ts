import { percentile } from '../../lib/figures.js';
import { type Act, type Load, runClients } from '../load/clients.js';
import { ask, submitThenPoll } from '../load/job-clients.js';
import type { SubjectName, Subjects } from '../subjects/subjects.js';
import type { Subject } from '../subjects/subject.js';
import type { Measure } from '../rounds/measure.js';

/** Number of clients that submit at a time. */
export const CLIENTS = [1, 16, 64, 256] as const;

const WARM_UP_MS = 1_000;
const IDLE_JOBS = 300;

/** A way in which clients get results. */
interface Way {
  subject: SubjectName;
  /** Name of the way in figures. */
  name: string;
  act: (subject: Subject) => Act;
}

const poll = (subject: SubjectName, name: string): Way => ({ subject, name, act: submitThenPoll });
const wait = (subject: SubjectName, name: string): Way => ({
  subject,
  name,
  act: ({ asks, hasResult }) => ask(asks, hasResult),
});

/** Subjects and ways of measuring them, by the names of the figures. */
export const WAYS = [
  poll('waggle', 'Waggle, poll'),
  poll('bullmq', 'Fastify + BullMQ, poll'),
  poll('celery', 'FastAPI + Celery, poll'),
  wait('waggle', 'Waggle, wait'),
  wait('celery', 'FastAPI + Celery, blocking'),
  wait('naive', 'Express, model inside'),
] as const satisfies readonly Way[];

/** Name of a figure of {@link loadMeasures}. */
export const rateOf = (way: string, clients: number): string =>
  `${way}, ${clients} client${clients === 1 ? '' : 's'}`;
/** Name of a figure of {@link idleMeasures}. */
export const idleOf = (way: string): string => `${way}, idle, p50`;

/** Jobs a second in each way, by the number of clients; runs last `ms`. */
export function loadMeasures(subjects: Subjects, ms: number): Measure[] {
  return CLIENTS.flatMap((clients) =>
    WAYS.filter(({ subject }) => subjects.isHere(subject)).map((way): Measure => {
      const load = async (until: Load['until']) => {
        const subject = await subjects.get(way.subject);
        return runClients({ port: subject.port, clients, until }, way.act(subject));
      };
      const name = rateOf(way.name, clients);
      return {
        name,
        warmUp: () => load({ ms: WARM_UP_MS }),
        run: async () => [{ figure: name, unit: 'jobs/s', value: (await load({ ms })).perSecond }],
      };
    }),
  );
}

/** Time of one job that is alone on the machine, for subjects that answer with the result. */
export function idleMeasures(subjects: Subjects): Measure[] {
  const answering = WAYS.filter(({ subject, name }) => subjects.isHere(subject) && !name.endsWith('poll'));
  return answering.map((way): Measure => {
    const name = idleOf(way.name);
    return {
      name,
      async run() {
        const subject = await subjects.get(way.subject);
        const load = { port: subject.port, clients: 1, until: { count: IDLE_JOBS } };
        const { latenciesMs } = await runClients(load, way.act(subject));
        return [{ figure: name, unit: 'ms', value: percentile(latenciesMs, 0.5) }];
      },
    };
  });
}

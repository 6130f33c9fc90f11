import { runClients } from '../load/clients.js';
import { ask } from '../load/job-clients.js';
import { type Figure, median, number } from '../../lib/figures.js';
import type { Measure, MeasureGroup } from '../rounds/measure.js';
import { valuesOf, spread } from '../rounds/verdicts.js';
import type { BenchHost } from '../service.js';
import { OnDemand } from '../subjects/on-demand.js';
import { LINEAR_MODEL } from '../subjects/peer.js';
import { startWaggle } from '../subjects/waggle.js';

const CLIENTS = 64;
const WARM_UP_MS = 2_000;

/** Number of processes of each kind. */
interface Shape {
  apis: number;
  workers: number;
}

const ONE_OF_EACH: Shape = { apis: 1, workers: 1 };
const MORE: readonly Shape[] = [
  { apis: 1, workers: 2 },
  { apis: 2, workers: 1 },
  { apis: 2, workers: 2 },
];

const nameOf = ({ apis, workers }: Shape): string =>
  `linear model, WEB_CONCURRENCY=${apis} WORKERS=${workers}`;

/** Jobs a second with wait, by the number of API and worker processes, with the model that costs least. */
export function processMeasures(host: BenchHost, ms: number): MeasureGroup {
  const services = [ONE_OF_EACH, ...MORE].map((shape) => {
    const { apis, workers } = shape;
    const env = { WEB_CONCURRENCY: String(apis), WORKERS: String(workers), MODELS: LINEAR_MODEL };
    return { figure: nameOf(shape), service: new OnDemand(() => startWaggle(host, env)) };
  });
  const measures = services.map(({ figure, service }): Measure => {
    const rate = async (forMs: number): Promise<number> => {
      const { port, asks, hasResult } = await service.get();
      const load = { port, clients: CLIENTS, until: { ms: forMs } };
      return (await runClients(load, ask(asks, hasResult))).perSecond;
    };
    return {
      name: figure,
      warmUp: () => rate(WARM_UP_MS),
      run: async () => [{ figure, unit: 'jobs/s', value: await rate(ms) }],
    };
  });
  return {
    measures,
    async stop() {
      for (const { service } of services) await service.stop();
    },
  };
}

/** Gain of more processes over one of each; nothing where that was not measured. */
export function processNotes(figures: readonly Figure[], cores: number): string[] {
  const gains = MORE.flatMap((shape) => {
    const ratios = valuesOf(figures, { figure: nameOf(shape), over: nameOf(ONE_OF_EACH) });
    return ratios ? [`${nameOf(shape)}: ${number(median(ratios))} times one of each ${spread(ratios)}`] : [];
  });
  if (gains.length === 0) return [];
  return [
    ...gains,
    `API, worker, inference process, Redis and the clients share the ${cores} cores of this machine: where they are`,
    'all at work, more processes only divide what there is.',
  ];
}

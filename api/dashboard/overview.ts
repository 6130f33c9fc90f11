import type { Figures, StatsBody } from '../../shared/contract/stats.js';
import { byId, setText } from './dom.js';
import { formatCount, formatMs, formatRate, plural } from './format.js';

/** Jobs that wait longer than this are worth a word, in ms. */
const LONG_WAIT_MS = 10_000;

type Shown = Figures & Pick<StatsBody, 'running'>;

/** The figures of one model, or of all. */
const figuresOf = (stats: StatsBody, model: string | undefined): Shown =>
  stats.models.find(({ name }) => name === model) ?? stats;

/** Shows the numbers, and what they mean in one sentence. */
export function showOverview(stats: StatsBody, model: string | undefined): void {
  const figures = figuresOf(stats, model);
  const workers = workersOf(stats, model);
  showHeadline(standstill(stats, model) ?? headline(figures, workers));
  for (const [id, [value, note]] of Object.entries(tiles(figures, workers))) {
    setText(byId(`tile-${id}`, HTMLElement), value);
    setText(byId(`tile-${id}-note`, HTMLElement), note);
  }
  byId('tile-failed', HTMLElement).classList.toggle('has-some', figures.last_day.failed > 0);
}

/** Says what the figures cannot: why none come. */
export function showTrouble(connection: keyof typeof TROUBLES): void {
  const [title, detail] = TROUBLES[connection];
  showHeadline({ mood: 'bad', title, detail });
}

const TROUBLES = {
  'redis-away': [
    'Redis is away',
    'The API answers 503 until it is back. What is below is as it was before; jobs go on by themselves.',
  ],
  unreachable: ['The API cannot be reached', 'What is below is as it was before. Trying again …'],
  'key-needed': ['An API key is needed', 'Choose “API key needed” above to give one.'],
} as const;

interface Headline {
  mood: 'good' | 'busy' | 'bad';
  title: string;
  detail: string;
}

function showHeadline({ mood, title, detail }: Headline): void {
  byId('headline', HTMLElement).dataset['mood'] = mood;
  setText(byId('headline-title', HTMLElement), title);
  setText(byId('headline-detail', HTMLElement), detail);
}

const workersOf = ({ workers }: StatsBody, model: string | undefined): number =>
  workers.filter(({ models }) => model === undefined || models.some(({ name }) => name === model)).length;

/** Of the model that is looked at, else of one of which jobs wait. Without any worker all stand still: see {@link headline}. */
function standstill({ models, workers }: StatsBody, model: string | undefined): Headline | undefined {
  const found = models.find((one) =>
    model === undefined
      ? one.held_up !== undefined && one.waiting + one.chunks_waiting > 0
      : one.name === model,
  );
  if (workers.length === 0 || found?.held_up === undefined) return undefined;
  const waits = found.waiting > 0 ? ` ${plural(found.waiting, 'job')} in the queue.` : '';
  return { mood: 'bad', title: `No job of ${found.name} runs`, detail: `${found.held_up}.${waits}` };
}

function headline(
  { waiting, running, chunks_waiting: chunks, oldest_waiting_ms: oldestMs = 0, wait_ms: wait }: Shown,
  workers: number,
): Headline {
  if (workers === 0) {
    const waits = waiting > 0 ? `${plural(waiting, 'job')} in the queue` : 'New jobs are accepted and';
    return {
      mood: 'bad',
      title: 'No worker is online',
      detail: `${waits} ${waiting === 1 ? 'waits' : 'wait'} until one comes.`,
    };
  }
  const online = `${plural(workers, 'worker')} online`;
  if (oldestMs > LONG_WAIT_MS) {
    return {
      mood: 'busy',
      title: 'Jobs are waiting',
      detail: `${plural(waiting, 'job')} in the queue, the oldest for ${formatMs(oldestMs)}. ${online}${running > 0 ? ', all at work' : ''}.`,
    };
  }
  const start = wait ? `Half of the jobs start within ${formatMs(wait.p50)}.` : 'Jobs start as they come.';
  const batches = chunks > 0 ? ' Batches are being worked through.' : '';
  return { mood: 'good', title: 'Everything is running', detail: `${online}. ${start}${batches}` };
}

/** Value and note of each tile, by its id. */
function tiles(figures: Shown, workers: number): Record<string, [string, string]> {
  const { waiting, oldest_waiting_ms: oldestMs, per_second: rate, total_ms: total, last_day: day } = figures;
  const ended = day.succeeded + day.failed + day.canceled + day.expired;
  const share = (count: number): string => (ended === 0 ? '' : `${percent(count / ended)} of all`);
  return {
    queued: [
      formatCount(waiting),
      oldestMs === undefined ? 'nothing waits' : `oldest for ${formatMs(oldestMs)}`,
    ],
    running: [formatCount(figures.running), `on ${plural(workers, 'worker')}`],
    throughput: [`${formatRate(rate.ended)}/s`, `${formatRate(rate.submitted)}/s submitted`],
    latency: [total ? formatMs(total.p95) : '–', total ? `p50 ${formatMs(total.p50)}` : 'no job of late'],
    succeeded: [formatCount(day.succeeded), share(day.succeeded)],
    failed: [formatCount(day.failed), share(day.failed)],
    canceled: [formatCount(day.canceled), share(day.canceled)],
    expired: [formatCount(day.expired), share(day.expired)],
  };
}

function percent(share: number): string {
  if (share === 0 || share === 1) return `${share * 100} %`;
  const value = (share * 100).toFixed(1);
  if (value === '100.0') return '> 99.9 %';
  return value === '0.0' ? '< 0.1 %' : `${value} %`;
}

import type { JobBody } from '../../../shared/contract/job.js';
import { h } from '../dom.js';
import { formatClock, formatMs, formatPlace } from '../format.js';

/** Where the time of a job went: its moments in order, and how long each part took. */
export function timeline(job: JobBody): HTMLElement {
  return h('div', { class: 'timeline', 'data-status': job.status }, steps(job), bar(job));
}

function steps({
  status,
  created_at: created,
  started_at: started,
  finished_at: finished,
  queue,
}: JobBody): HTMLElement {
  const waits = queue?.eta_ms === undefined ? '' : `, about ${formatMs(queue.eta_ms)} to go`;
  const place = queue && `${formatPlace(queue)}${waits}`;
  return h(
    'ol',
    { class: 'steps' },
    step('Accepted', formatClock(created), 'done'),
    started === undefined
      ? step('Running', place ?? (finished ? 'never' : 'waiting'), finished ? 'skipped' : 'next')
      : step('Running', formatClock(started), finished === undefined ? 'now' : 'done'),
    finished === undefined
      ? step('Done', status === 'canceling' ? 'canceling' : '', 'next')
      : step(capital(status), formatClock(finished), 'done'),
  );
}

const step = (label: string, note: string, state: 'done' | 'now' | 'next' | 'skipped'): HTMLElement =>
  h('li', { class: `step ${state}` }, h('strong', {}, label), h('span', { class: 'muted' }, note));

/** One bar in proportion, and its parts in words: colour alone says nothing. */
function bar({ timings }: JobBody): HTMLElement | undefined {
  const { total_ms: total, queued_ms: queued = 0 } = timings ?? {};
  if (total === undefined || total <= 0) return undefined;
  const { feature_prepare_ms: prepare = 0, model_predict_ms: predict = 0 } = timings ?? {};
  const rest = Math.max(0, total - queued - prepare - predict);
  const parts: [string, string, number][] = [
    ['queued', 'in the queue', queued],
    ['prepare', 'preparing features', prepare],
    ['running', 'predicting', predict],
    ['rest', 'handing over', rest],
  ];
  const pieces = parts.map(([colour, , ms]) => {
    const piece = h('span', { class: `piece ${colour}` });
    piece.style.flexGrow = String(ms / total);
    return piece;
  });
  const legend = parts.map(([colour, label, ms]) =>
    h(
      'li',
      {},
      h('span', { class: `swatch ${colour}` }),
      `${label} `,
      h('span', { class: 'value' }, formatMs(ms)),
    ),
  );
  return h(
    'div',
    {},
    h('div', { class: 'pieces', 'aria-hidden': 'true' }, ...pieces),
    h('ul', { class: 'legend' }, ...legend),
  );
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

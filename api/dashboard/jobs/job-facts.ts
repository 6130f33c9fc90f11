import type { JobBody } from '../../../shared/contract/job.js';
import type { ModelBody } from '../../../shared/contract/model.js';
import { explain } from '../api.js';
import { h, setText } from '../dom.js';
import { pictureOf } from '../../../shared/model/picture.js';
import { imageIn, pictureIn } from '../form/file-input.js';
import { membersOf } from '../form/schema.js';
import { formatMoment, formatMs, formatValue, isLong, isScored, type Scored } from '../format.js';
import { timeline } from './timeline.js';

/**
 * Everything there is to know of a job. `model`: the one that it asks, while that is served. `readInput` is called when an input
 * is to be shown that the job only links to.
 */
export function jobFacts(
  job: JobBody,
  model: ModelBody | undefined,
  readInput: () => Promise<Record<string, unknown>>,
): HTMLElement[] {
  const { result, error } = job;
  return [
    timeline(job),
    result && section('Result', results(result, model)),
    error && section('Error', h('p', { class: 'error' }, h('strong', {}, error.code), ` ${error.message}`)),
    job.input && section('Input', pairs(valuesOf(job.input, model))),
    job.links.input === undefined ? undefined : section('Input', inputOnDemand(readInput, model)),
    section('About', pairs(about(job))),
  ].filter((part) => part !== undefined);
}

function inputOnDemand(
  readInput: () => Promise<Record<string, unknown>>,
  model: ModelBody | undefined,
): HTMLElement {
  const place = h('div', {});
  const folded = h('details', {}, h('summary', {}, 'Show it'), place);
  const show = async (): Promise<void> => {
    try {
      place.replaceChildren(pairs(valuesOf(await readInput(), model)));
    } catch (error) {
      setText(place, explain(error));
    }
  };
  folded.addEventListener('toggle', () => folded.open && void show());
  return folded;
}

function valuesOf(input: Record<string, unknown>, model: ModelBody | undefined): [string, Node][] {
  const members = membersOf(model?.input ?? {}, model?.input_shapes);
  return Object.entries(input).map(([name, value]) => {
    const { kind, shape = [] } = members.find((member) => member.name === name) ?? {};
    const layout = pictureOf(shape);
    if (typeof value !== 'string' || (kind !== 'image' && !layout)) return [name, valueNode(value)];
    return [name, h('div', { class: 'preview' }, layout ? pictureIn(value, layout) : imageIn(value))];
  });
}

/** The outputs of a model, large, with their units. */
export function results(result: Record<string, unknown>, model: ModelBody | undefined): HTMLElement {
  const entries = Object.entries(result).map(([name, value]) => {
    const unit = model?.outputs.find(({ member }) => member === name)?.unit ?? '';
    const isLarge = !isLong(value) && !isScored(value);
    return h(
      'div',
      { class: isLarge ? 'result' : 'result long' },
      h('dt', {}, name),
      h('dd', {}, valueNode(value), ' ', h('span', { class: 'muted' }, unit)),
    );
  });
  return h('dl', { class: 'results' }, ...entries);
}

/** A value: labels with their scores as bars, and what is long folded. */
function valueNode(value: unknown): Node {
  if (isScored(value)) return bars(value);
  const text = new Text(formatValue(value));
  if (!isLong(value)) return text;
  const all = h('div', { class: 'all mono', tabindex: 0, role: 'group', 'aria-label': 'All of it' });
  const folded = h('details', {}, h('summary', {}, text), all);
  folded.addEventListener('toggle', () => {
    setText(all, typeof value === 'string' ? value : JSON.stringify(value));
  });
  return folded;
}

/** Bars in proportion to the scores: of 1, or of the highest where that is more. */
function bars(scored: readonly Scored[]): HTMLElement {
  const most = Math.max(1, ...scored.map(({ score }) => score));
  const lines = scored.map(({ label, score }) => {
    const bar = h('span', { class: 'score' });
    bar.style.width = `${(100 * Math.max(0, score)) / most}%`;
    return h(
      'li',
      {},
      h('span', {}, label),
      h('span', { class: 'number' }, formatValue(score)),
      h('span', { class: 'scale', 'aria-hidden': 'true' }, bar),
    );
  });
  return h('ol', { class: 'scores' }, ...lines);
}

function about(job: JobBody): Pair[] {
  const { timings, queue_expires_at: deadline, expires_at: kept, replay_of: before } = job;
  const { total_ms: totalMs, batch_size: size } = timings ?? {};
  const version = job.model_version === undefined ? '' : ` ${job.model_version}`;
  return [
    ['Model', `${job.model}${version}`],
    ['Attempts', String(job.attempts)],
    ['Request id', job.request_id],
    ['Runs again', before && h('a', { class: 'mono', href: `#job/${before}` }, before)],
    ['Took', totalMs === undefined ? undefined : formatMs(totalMs)],
    ['Micro-batch', size === undefined ? undefined : `of ${size}`],
    ['Accepted', formatMoment(job.created_at)],
    ['Expires unless begun by', deadline && formatMoment(deadline)],
    ['Kept until', kept && formatMoment(kept)],
  ];
}

/** A name and its value; without a value it is left out. */
type Pair = [name: string, value: string | Node | undefined];

const pairs = (entries: readonly Pair[]): HTMLElement =>
  h(
    'dl',
    { class: 'pairs' },
    ...entries.map(
      ([name, value]) => value !== undefined && h('div', {}, h('dt', {}, name), h('dd', {}, value)),
    ),
  );

const section = (title: string, content: HTMLElement): HTMLElement =>
  h('section', {}, h('h3', {}, title), content);

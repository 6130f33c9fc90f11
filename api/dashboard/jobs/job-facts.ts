import type { JobBody } from '../../../shared/contract/job.js';
import { h } from '../dom.js';
import { formatMoment, formatMs, formatValue } from '../format.js';
import { timeline } from './timeline.js';

type Unit = (member: string) => string | undefined;

/** Everything there is to know of a job. `unit` knows those of its model's outputs. */
export function jobFacts(job: JobBody, unit: Unit): HTMLElement[] {
  const { result, error } = job;
  return [
    timeline(job),
    ...(result ? [section('Result', results(result, unit))] : []),
    ...(error
      ? [section('Error', h('p', { class: 'error' }, h('strong', {}, error.code), ` ${error.message}`))]
      : []),
    ...(job.input ? [section('Input', pairs(valuesOf(job.input)))] : []),
    section('About', pairs(about(job))),
  ];
}

const valuesOf = (input: Record<string, unknown>): [string, string][] =>
  Object.entries(input).map(([name, value]) => [name, formatValue(value)]);

/** The outputs of a model, large, with their units. */
export function results(result: Record<string, unknown>, unit: Unit): HTMLElement {
  const entries = Object.entries(result).map(([name, value]) =>
    h(
      'div',
      { class: 'result' },
      h('dt', {}, name),
      h('dd', {}, formatValue(value), ' ', h('span', { class: 'muted' }, unit(name) ?? '')),
    ),
  );
  return h('dl', { class: 'results' }, ...entries);
}

function about(job: JobBody): [string, string | Node][] {
  const { timings, queue_expires_at: deadline, expires_at: kept, replay_of: before } = job;
  const version = job.model_version === undefined ? '' : ` ${job.model_version}`;
  return [
    ['Model', `${job.model}${version}`],
    ['Attempts', String(job.attempts)],
    ...(job.request_id === undefined ? [] : [pair('Request id', job.request_id)]),
    ...(before === undefined
      ? []
      : [pair('Runs again', h('a', { class: 'mono', href: `#job/${before}` }, before))]),
    ...(timings?.total_ms === undefined ? [] : [pair('Took', formatMs(timings.total_ms))]),
    ...(timings?.batch_size === undefined ? [] : [pair('Micro-batch', `of ${timings.batch_size}`)]),
    ['Accepted', formatMoment(job.created_at)],
    ...(deadline === undefined ? [] : [pair('Expires unless begun by', formatMoment(deadline))]),
    ...(kept === undefined ? [] : [pair('Kept until', formatMoment(kept))]),
  ];
}

const pair = (name: string, value: string | Node): [string, string | Node] => [name, value];

const pairs = (entries: readonly [string, string | Node][]): HTMLElement =>
  h(
    'dl',
    { class: 'pairs' },
    ...entries.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );

const section = (title: string, content: HTMLElement): HTMLElement =>
  h('section', {}, h('h3', {}, title), content);

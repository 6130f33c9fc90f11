import type { JobBody } from '../../shared/contract/job.js';
import { isRecord } from '../../shared/text/is-record.js';

const LANGUAGE = 'en-US';

const whole = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(LANGUAGE, { notation: 'compact', maximumFractionDigits: 1 });
const precise = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 6 });
const clock = new Intl.DateTimeFormat(LANGUAGE, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});
const dayAndClock = new Intl.DateTimeFormat(LANGUAGE, {
  dateStyle: 'medium',
  timeStyle: 'medium',
  hourCycle: 'h23',
});

/** A count, in full as long as that is readable: 12,345 or 1.2M. */
export const formatCount = (value: number): string =>
  value < 100_000 ? whole.format(value) : compact.format(value);

/** A rate or a mean, with as many decimals as say something. */
export function formatRate(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return formatCount(value);
  if (value < 0.1) return String(Number(value.toPrecision(2)));
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** Where a queued job stands, or when it will: "place 3", or "from 14:05:00.000 on". */
export const formatPlace = ({ position, starts_at: starts }: NonNullable<JobBody['queue']>): string =>
  position === undefined ? `from ${formatClock(starts ?? '')} on` : `place ${position}`;

/** A length of time, from ms: 3.2 ms, 12.5 s, 4 min 10 s, 2 h 5 min. */
export function formatMs(ms: number): string {
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  return twoUnits(Math.round(seconds));
}

/** A length of time, from ms, in whole seconds and more. */
export const formatSeconds = (ms: number): string => twoUnits(Math.round(ms / 1000));

function twoUnits(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joined([minutes, 'min'], [seconds % 60, 's']);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return joined([hours, 'h'], [minutes % 60, 'min']);
  return joined([Math.floor(hours / 24), 'd'], [hours % 24, 'h']);
}

const joined = (...parts: [number, string][]): string =>
  parts.flatMap(([value, unit], i) => (i > 0 && value === 0 ? [] : [`${value} ${unit}`])).join(' ');

/** A size, from bytes: 0.3 MB. */
export const formatMegabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** The age of a moment, by two clocks that may differ a little. */
export function formatAgo(time: string, nowMs: number): string {
  const ms = Math.max(0, nowMs - Date.parse(time));
  return ms < 1500 ? 'just now' : `${formatSeconds(ms)} ago`;
}

/** A time of day, to the millisecond. */
export const formatClock = (time: string | number): string => clock.format(new Date(time));
export const formatMoment = (time: string | number): string => dayAndClock.format(new Date(time));

/** A label and its score. */
export interface Scored {
  label: string;
  score: number;
}

/** Whether a value is labels with their scores, the best first. */
export const isScored = (value: unknown): value is [Scored, ...Scored[]] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((one) => isRecord(one) && typeof one['label'] === 'string' && typeof one['score'] === 'number');

/** Longest text, and most numbers, that are written in full. */
const SHORT_CHARS = 120;
const SHORT_NUMBERS = 5;
const FIRST_CHARS = 24;
const FIRST_NUMBERS = 3;

/** A value of an input or a result, as people read it: the best of labels with scores, the beginning of what is long. */
export function formatValue(value: unknown): string {
  if (typeof value === 'number') return precise.format(value);
  if (isScored(value)) return `${value[0].label} (${precise.format(value[0].score)})`;
  const shape = shapeOf(value);
  if (shape.length > 0 && Array.isArray(value)) {
    if (!isLong(value)) return `[${value.map(formatValue).join(', ')}]`;
    const first = value.flat(shape.length).slice(0, FIRST_NUMBERS);
    return `${shape.map(formatCount).join(' × ')} numbers: ${first.map(formatValue).join(', ')}, …`;
  }
  const text = textOf(value);
  return isLong(text) ? `${text.slice(0, FIRST_CHARS)}… (${plural(text.length, 'character')})` : text;
}

/** Whether {@link formatValue} writes the beginning alone. */
export function isLong(value: unknown): boolean {
  const shape = shapeOf(value);
  if (shape.length === 0) return textOf(value).length > SHORT_CHARS;
  return shape.reduce((product, size) => product * size, 1) > SHORT_NUMBERS;
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');

/** The shape of numbers in arrays, by the first of each; empty where the value is something else. */
function shapeOf(value: unknown): number[] {
  if (!Array.isArray(value) || value.length === 0) return [];
  const [first]: unknown[] = value;
  if (typeof first === 'number') return [value.length];
  const inner = shapeOf(first);
  return inner.length > 0 ? [value.length, ...inner] : [];
}

/** The end of an id: its beginning is the time, and much the same for all of today. */
export const shortId = (id: string): string => `…${id.slice(-12)}`;

/** `1 job`, `2 jobs`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

import type { ModelBody } from '../../shared/contract/model.js';
import type { Style } from '../lib/terminal.js';

/** The facts in the banner. */
export interface BannerFacts {
  /** Such as `http://127.0.0.1:8182`. */
  url: string;
  /** Empty when the API does not tell without a key. */
  models: readonly ModelBody[];
  /** The engines of the workers' TensorFlow, each once. */
  engines: readonly string[];
  redis: string;
  apis: number;
  workers: number;
  /** Seconds since the launcher began. */
  seconds: number;
}

/** The lines shown once everything serves: where it is, what it predicts, a request to try, how to stop it. */
export function bannerLines(facts: BannerFacts, style: Style): string[] {
  const { url, models } = facts;
  const rows: [string, string][] = [
    ['API', style.link(url)],
    ['Dashboard', style.link(`${url}/dashboard`)],
    ['Docs', style.link(`${url}/docs`)],
    ['Models', models.map(describeModel).join(', ') || `${url}/models tells, to callers with a key`],
    ['Engine', facts.engines.join(', ') || 'see the log of the worker'],
    ['Redis', facts.redis],
    ['Running', `${counted(facts.apis, 'API process', 'es')}, ${counted(facts.workers, 'worker', 's')}`],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return [
    '',
    `  ${style.title('Waggle')} is ready ${style.faint(`after ${facts.seconds.toFixed(1)} s`)}`,
    '',
    ...rows.map(([label, value]) => `  ${style.faint(label.padEnd(width))}  ${value}`),
    '',
    ...tryLines(facts, style),
    `  ${style.faint('Ctrl-C finishes what is in hand and stops.')}`,
    '',
  ];
}

const counted = (n: number, one: string, plural: string): string => `${n} ${one}${n === 1 ? '' : plural}`;

const describeModel = ({ name, version, default: isDefault }: ModelBody): string =>
  `${name} ${version}${isDefault ? ' (default)' : ''}`;

function tryLines({ url, models }: BannerFacts, style: Style): string[] {
  const example = models.find((model) => model.default)?.example;
  if (example === undefined) return [];
  const body = JSON.stringify({ input: example }).replaceAll("'", "'\\''");
  return [
    `  ${style.faint('Try')}`,
    `    curl -s ${url}/jobs -H 'content-type: application/json' -H 'prefer: wait=5' \\`,
    `      -d '${body}'`,
    '',
  ];
}

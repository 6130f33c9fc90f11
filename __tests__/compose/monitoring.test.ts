import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { testPrefix } from '../support/redis.js';
import { useRedis } from '../support/rigs/use-redis.js';

const COMPOSE = resolve(__dirname, '../../compose');
const MODEL = 'trip-duration-linear';
const read = (file: string): string => readFileSync(join(COMPOSE, file), 'utf8');

interface Panel {
  title: string;
  type: string;
  targets?: { expr: string; legendFormat: string }[];
  fieldConfig?: { defaults: { unit?: string } };
  gridPos: { x: number; y: number; w: number; h: number };
}
interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}
interface Metric {
  type: string;
  help: string;
  labels: Set<string>;
}

const dashboard = JSON.parse(read('grafana/dashboard.json')) as { panels: Panel[] };
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const { groups } = parse(read('prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const expressions = [
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }): [string, string] => [title, expr])),
  ...rules.map(({ alert, expr }): [string, string] => [alert, expr]),
];

let programs: Program[] = [];
/** What a real API and a real worker tell Prometheus. */
let metrics: Map<string, Metric>;

afterAll(async () => {
  await Promise.all(programs.map((program) => program.stop()));
});
const server = useRedis();
beforeAll(async () => {
  const env = {
    REDIS_URL: server.url,
    KEY_PREFIX: testPrefix(),
    PARTITIONS: '2',
    MODELS: MODEL,
    DEFAULT_MODEL: MODEL,
    WORKER_METRICS_PORT: '0',
  };
  const api = startProgram('api', env);
  const worker = startProgram('worker', env);
  programs = [api, worker];
  const [port] = await Promise.all([api.ready(), worker.ready()]);
  const apiUrl = `http://127.0.0.1:${port}`;
  const served = await until(() => worker.log.find(({ message }) => message === 'metrics served'));
  const done = await fetch(`${apiUrl}/v1/trip/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"request_id":"1","PULocationID":130,"DOLocationID":205,"trip_distance":3}',
  });
  if (!done.ok) throw new Error(`no prediction: ${done.status}`);
  const scrape = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();
  // The sweeper tells of its first pass within a second.
  const ofApi = await until(async () => {
    const text = await scrape(apiUrl);
    return text.includes('waggle_swept_total{') && text;
  });
  metrics = metricsIn(`${ofApi}\n${await scrape(`http://127.0.0.1:${String(served['port'])}`)}`);
});

function metricsIn(text: string): Map<string, Metric> {
  const found = new Map<string, Metric>();
  for (const line of text.split('\n')) {
    const [, name = '', help = ''] = /^# HELP (\S+) (.*)$/.exec(line) ?? [];
    if (name !== '') found.set(name, { type: '', help, labels: found.get(name)?.labels ?? new Set() });
    const [, typed = '', type = ''] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    const metric = found.get(typed);
    if (metric) metric.type = type;
    const [, sample = '', labels = ''] = /^(\w+)\{(.*)\} /.exec(line) ?? [];
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) {
      found.get(familyOf(sample, found))?.labels.add(label);
    }
  }
  return found;
}

/** The metric that a series belongs to: of a histogram there are three. */
const familyOf = (series: string, among: ReadonlyMap<string, Metric>): string =>
  among.has(series) ? series : series.replace(/_(bucket|sum|count)$/, '');

const GROUPING = /\b(by|on|without|ignoring)\s*\(([^)]*)\)/g;
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset']);

/** Names of series in an expression: words that are no function, no label and no keyword. */
const seriesIn = (expression: string): string[] =>
  [
    ...expression
      .replaceAll(/"[^"]*"|\{[^}]*\}|\[[^\]]*\]/g, '')
      .replaceAll(GROUPING, '')
      .matchAll(/[a-z_]\w*\b(?!\s*\()/gi),
  ]
    .map(([word]) => word)
    .filter((word) => !WORDS.has(word));

const labelsIn = (expression: string): string[] => [
  ...[...expression.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = '']) => label),
  ...[...expression.matchAll(GROUPING)].flatMap(([, , list = '']) => list.match(/\w+/g) ?? []),
];

it('finds the names of series and labels in an expression', () => {
  const expression =
    'sum by (a, b) (rate(x_total{c=~"y.z",d!="e"}[5m])) / on (f) max(g) > 2 unless absent(h)';
  expect(seriesIn(expression)).toEqual(['x_total', 'g', 'h']);
  expect(labelsIn(expression).toSorted()).toEqual(['a', 'b', 'c', 'd', 'f']);
  expect(metrics.size).toBeGreaterThan(30);
});

it('draws panels that say what they show, in a unit, without covering each other', () => {
  expect(panels.length).toBeGreaterThan(15);
  for (const { title, targets, fieldConfig, type } of panels) {
    expect({ title, unit: fieldConfig?.defaults.unit, targets: targets?.length }).toEqual({
      title: expect.stringMatching(/\S/),
      unit: expect.stringMatching(/\S/),
      targets: expect.any(Number),
    });
    const unnamed = targets?.filter(({ legendFormat }) => legendFormat === '');
    expect(type === 'timeseries' ? unnamed : []).toEqual([]);
  }
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
});

it('has alerts that say how bad it is and what to do', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { labels, annotations } of rules) {
    expect(labels.severity).toMatch(/^(critical|warning)$/);
    expect(annotations).toEqual({
      summary: expect.stringMatching(/\S/),
      description: expect.stringMatching(/\S/),
    });
  }
});

it.each(expressions)('asks for series and labels that exist: %s', (_, expression) => {
  const names = seriesIn(expression).map((series) => familyOf(series, metrics));
  expect(names.length).toBeGreaterThan(0);
  expect(names.filter((name) => !metrics.has(name))).toEqual([]);
  // What Prometheus adds by itself.
  const known = new Set(['job', 'instance']);
  for (const name of names) for (const label of metrics.get(name)?.labels ?? []) known.add(label);
  if (expression.includes('label_replace')) known.add('queue');
  expect(labelsIn(expression).filter((label) => !known.has(label))).toEqual([]);
});

it.each(expressions)(
  'takes the maximum of what all API processes say alike, and sums the rest: %s',
  (_, expression) => {
    for (const series of seriesIn(expression)) {
      const { type, help } = metrics.get(familyOf(series, metrics)) ?? { type: '', help: '' };
      const isShared = help.includes('take the maximum');
      if (type === 'gauge' && !isShared) continue;
      const aggregate = isShared ? 'max' : 'sum';
      expect(expression).toMatch(new RegExp(`${aggregate}(?: by \\([^)]*\\) )?\\((?:\\w+\\()?${series}\\b`));
      const other = isShared ? 'sum' : 'max';
      expect(expression).not.toMatch(new RegExp(`${other}(?: by \\([^)]*\\) )?\\((?:\\w+\\()?${series}\\b`));
    }
  },
);

it('asks where the API and the workers answer, and reads the alerts', () => {
  const config = parse(read('prometheus/prometheus.yml')) as {
    rule_files: string[];
    scrape_configs: { job_name: string; metrics_path?: string; static_configs: { targets: string[] }[] }[];
  };
  expect(config.rule_files).toEqual(['alerts.yml']);
  expect(config.scrape_configs.map(({ job_name: name }) => name)).toEqual(['waggle-api', 'waggle-worker']);
  for (const {
    metrics_path: path = '/metrics',
    static_configs: [first],
  } of config.scrape_configs) {
    expect(path).toBe('/metrics');
    expect(first?.targets[0]).toMatch(/^127\.0\.0\.1:\d+$/);
  }
});

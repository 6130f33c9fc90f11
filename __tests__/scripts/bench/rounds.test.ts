import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sizesUpTo } from '../../../scripts/bench/growth/batch-growth.js';
import { logChart, pointsOf } from '../../../scripts/bench/rounds/log-chart.js';
import type { Measure } from '../../../scripts/bench/rounds/measure.js';
import { findingsLines, saveReport } from '../../../scripts/bench/rounds/report.js';
import { runRounds } from '../../../scripts/bench/rounds/run-rounds.js';
import { valuesOf, type Target, verdictsOn } from '../../../scripts/bench/rounds/verdicts.js';
import { processNotes } from '../../../scripts/bench/scaling/process-measures.js';
import { OnDemand } from '../../../scripts/bench/subjects/on-demand.js';

const figures = [
  { name: 'one', unit: 'jobs/s', rounds: [100, 200, 100] },
  { name: 'two', unit: 'jobs/s', rounds: [190, 300, 170] },
];
const target = (goal: Target['goal']): Target => ({ name: 'two over one', figure: 'two', over: 'one', goal });

describe('rounds', () => {
  const measured = (): { order: string[]; measures: Measure[] } => {
    const order: string[] = [];
    const measures = ['a', 'b', 'c'].map((name, index) => ({
      name,
      warmUp: () => Promise.resolve(order.push(`warm ${name}`)),
      run: () => Promise.resolve([{ figure: `figure ${name}`, unit: 's', value: index + order.push(name) }]),
    }));
    return { order, measures };
  };

  it('warm up before each run, and go the other way every second time', async () => {
    const { order, measures } = measured();
    const found = await runRounds(measures, { rounds: 2 });
    expect(order).toEqual(['a', 'b', 'c', 'c', 'b', 'a'].flatMap((name) => [`warm ${name}`, name]));
    expect(found).toEqual([
      { name: 'figure a', unit: 's', rounds: [2, 12] },
      { name: 'figure b', unit: 's', rounds: [5, 11] },
      { name: 'figure c', unit: 's', rounds: [8, 10] },
    ]);
  });

  it('leave out what is not asked for', async () => {
    const { order, measures } = measured();
    await runRounds([...measures, { name: 'c, again', run: () => Promise.resolve([]) }], {
      rounds: 1,
      only: ['a', 'c, again'],
    });
    expect(order).toEqual(['warm a', 'a']);
  });

  it('name what there is where nothing has a name that is asked for', async () => {
    const asked = runRounds(measured().measures, { rounds: 1, only: ['a, c', 'd'] });
    await expect(asked).rejects.toThrow(
      'no measure has "a, c" or "d" in its name; there are:\n  a\n  b\n  c',
    );
  });
});

describe('verdicts', () => {
  it('take the ratio of each round, and judge the median', () => {
    const [atLeast] = verdictsOn([target({ atLeast: 1.8 })], figures);
    expect(atLeast).toMatchObject({ values: [1.9, 1.5, 1.7], value: 1.7, isMet: false });
    expect(verdictsOn([target({ atMost: 1.8 })], figures)).toMatchObject([{ isMet: true }]);
  });

  it('take a figure itself where it is over nothing', () => {
    const [atMost] = verdictsOn([{ name: 'one', figure: 'one', goal: { atMost: 99 } }], figures);
    expect(atMost).toMatchObject({ values: [100, 200, 100], value: 100, isMet: false });
  });

  it('are not given on what was not measured', () => {
    const missing = { ...target({ atLeast: 1 }), over: 'three' };
    expect(verdictsOn([missing], figures)).toEqual([]);
    expect(valuesOf(figures, missing)).toBeUndefined();
    expect(verdictsOn([{ name: 'three', figure: 'three', goal: { atMost: 1 } }], figures)).toEqual([]);
  });

  it('are printed with what is wanted', () => {
    const verdicts = verdictsOn([target({ atLeast: 1.8 })], figures);
    const lines = findingsLines({ figures, verdicts, notes: ['a note'] });
    expect(lines.find((line) => line.includes('two over one'))).toMatch(
      /^ {2}NO .* 1\.7 {2}\(1\.5 to 1\.9\) +at least 1\.8$/,
    );
    expect(lines.slice(-2)).toEqual(['Notes', '  a note']);
  });
});

describe('a report', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-report-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is written with its chart, where it has one', () => {
    const [json, svg] = saveReport(join(folder, 'new'), 'growth', { document: { figures }, chart: '<svg/>' });
    expect(JSON.parse(readFileSync(String(json), 'utf8'))).toEqual({ figures });
    expect(readFileSync(String(svg), 'utf8')).toBe('<svg/>');
    const path = join(folder, 'plain.json');
    expect(saveReport(folder, 'plain', { document: {} })).toEqual([path]);
    expect(existsSync(join(folder, 'plain.svg'))).toBe(false);
  });

  it('draws the figures that there are', () => {
    const nameOf = (x: number): string => (x === 1 ? 'one' : 'three');
    const points = pointsOf(figures, [1, 2], nameOf);
    expect(points).toEqual([[1, 100]]);
    const chart = { title: 't', subtitle: '', xLabel: 'x', xs: [1, 1_000], yLabel: 'y' };
    const svg = logChart({
      ...chart,
      lines: [
        { name: 'drawn', points },
        { name: 'empty', points: [] },
      ],
    });
    expect(svg?.match(/<circle/g)).toHaveLength(1);
    expect(svg).toContain('>1,000<');
    expect(svg).not.toContain('empty');
    expect(logChart({ ...chart, lines: [] })).toBeUndefined();
  });
});

describe('what scenarios say', () => {
  it('is how much more processes gave, and on how many cores', () => {
    const rate = (apis: number, workers: number, rounds: number[]) => ({
      name: `linear model, WEB_CONCURRENCY=${apis} WORKERS=${workers}`,
      unit: 'jobs/s',
      rounds,
    });
    const notes = processNotes([rate(1, 1, [1_000, 2_000]), rate(2, 1, [1_100, 2_400])], 2);
    expect(notes[0]).toBe('linear model, WEB_CONCURRENCY=2 WORKERS=1: 1.2 times one of each (1.1 to 1.2)');
    expect(notes.slice(1).join(' ')).toContain('the 2 cores of this machine');
    expect(processNotes([], 2)).toEqual([]);
  });

  it.each([
    [1_000_000, [1_000, 10_000, 100_000, 1_000_000]],
    [50_000, [1_000, 10_000]],
    [200, [200]],
  ])('is for batches of at most %d rows', (rows, sizes) => {
    expect(sizesUpTo(rows)).toEqual(sizes);
  });
});

describe('what is started on demand', () => {
  it('is started once, and stopped only where it runs', async () => {
    const done: string[] = [];
    const make = () =>
      new OnDemand(() => {
        done.push('start');
        return Promise.resolve({ stop: () => Promise.resolve(void done.push('stop')) });
      });
    await make().stop();
    expect(done).toEqual([]);
    const wanted = make();
    expect(await wanted.get()).toBe(await wanted.get());
    await wanted.stop();
    expect(done).toEqual(['start', 'stop']);
  });

  it('needs no stop where it did not start', async () => {
    const broken = new OnDemand<{ stop(): Promise<void> }>(() => Promise.reject(new Error('no Redis')));
    await expect(broken.get()).rejects.toThrow('no Redis');
    await broken.stop();
  });
});

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MEASURED } from '../../../scripts/capacity/constants.js';
import { USUAL } from '../../../scripts/capacity/demand.js';
import { planFor } from '../../../scripts/capacity/plan.js';
import { megabytes, threeDigits } from '../../../scripts/capacity/words.js';

const text = readFileSync(join(resolve(__dirname, '../../..'), 'docs/performance.md'), 'utf8');
const section = text.split('## Growth\n')[1]?.split('\n## ')[0] ?? '';
const rows = section
  .split('\n')
  .filter((line) => /^\| [\d,]+ \|/.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

const numberIn = (cell = ''): number => Number(cell.replaceAll(',', ''));

it('the table of growth has 1, 10 and 1,000 times one load', () => {
  const [base] = rows;
  expect(rows.map((cells) => cells.slice(0, 2).map(numberIn))).toEqual(
    [1, 10, 1_000].map((times) => [times * numberIn(base?.[0]), times * numberIn(base?.[1])]),
  );
});

it.each(rows)('the table of growth says what is computed for %s jobs and %s rows a second', (...cells) => {
  const [jobs, rowsPerSecond, resultTtlMs] = cells.slice(0, 3).map(numberIn);
  const { api, worker, redis } = planFor(
    { ...USUAL, jobsPerSecond: jobs ?? 0, rowsPerSecond: rowsPerSecond ?? 0, resultTtlMs: resultTtlMs ?? 0 },
    MEASURED,
  );
  expect(cells.slice(3, 8)).toEqual([
    threeDigits(api.processes),
    threeDigits(worker.processes),
    threeDigits(redis.servers),
    megabytes((redis.resultsMb + redis.backlogMb) / redis.servers),
    threeDigits(redis.commandsPerSecond),
  ]);
});

it.each([
  ['a submit', MEASURED.submit],
  ['a poll', MEASURED.poll],
  ['a run', MEASURED.run],
  ['a submit that waits, with its run', MEASURED.wait],
  ['1,000 rows', MEASURED.thousandRows],
])('the table of costs says what was measured of %s', (name, { apiUs, workerUs, inferenceUs, redisUs }) => {
  const cells = [name, ...[apiUs, workerUs, inferenceUs, redisUs].map(threeDigits)];
  expect(section).toContain(`| ${cells.join(' | ')} |`);
});

it('says what Redis keeps of a job and of a row', () => {
  const { endedJob, endedRow } = MEASURED.kept;
  expect(section).toContain(`an ended job is ${threeDigits(endedJob)} bytes, a row ${threeDigits(endedRow)}`);
});

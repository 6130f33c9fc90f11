import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { registerEvaluateCommand } from '../../../scripts/commands/evaluate.js';
import { registerImportLinearCommand } from '../../../scripts/commands/import-linear.js';
import { registerTrainCommand } from '../../../scripts/commands/train.js';
import { temporaryFolder, writeMadeUpTrips } from './trip-data.js';

const folder = temporaryFolder();
const trips = writeMadeUpTrips(join(folder, 'trips.csv'), 500);

/** What `waggle` with these commands alone prints on standard output, line by line. */
async function waggle(...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  const out = jest.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
  const err = jest.spyOn(console, 'error').mockImplementation(() => undefined);
  const program = new Command('waggle').exitOverride();
  registerTrainCommand(program);
  registerEvaluateCommand(program);
  registerImportLinearCommand(program);
  try {
    await program.parseAsync(args, { from: 'user' });
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
  return lines;
}

const lastOf = (lines: string[]): unknown => JSON.parse(lines.at(-1) ?? '');

afterEach(() => {
  process.exitCode = undefined;
});

it('trains, then evaluates what was written', async () => {
  const out = join(folder, 'trip-duration-linear');
  const trained = await waggle(
    'train',
    '--kind',
    'linear',
    '--train',
    trips,
    '--validate',
    trips,
    '--out',
    out,
    '--json',
  );
  const validation = {
    files: ['trips.csv'],
    rows: 500,
    without_time: { rmse: expect.any(Number), mae: expect.any(Number) },
  };
  expect(lastOf(trained)).toMatchObject({
    model: 'trip-duration-linear',
    training: { rows: 500 },
    validation,
  });
  const evaluated = await waggle(
    'evaluate',
    '--model',
    'trip-duration-linear',
    '--models-dir',
    folder,
    trips,
    '--json',
  );
  const { files: _files, ...figures } = (lastOf(trained) as { validation: { files: string[] } }).validation;
  expect(lastOf(evaluated)).toEqual({ model: 'trip-duration-linear', files: [trips], ...figures });
});

it('prints figures for people', async () => {
  const out = join(folder, 'by-time');
  const lines = await waggle(
    'train',
    '--kind',
    'linear',
    '--model',
    'by-time',
    '--train',
    trips,
    '--out',
    out,
  );
  expect(lines.join('\n')).toMatch(/100 trips, minutes +RMSE +MAE +bias\npickup time not given +\d+\.\d{4}/);
});

it('imports coefficients', async () => {
  const file = join(folder, 'coefficients.json');
  writeFileSync(file, JSON.stringify({ intercept: 5, coefficients: { 'PU_DO=1_2': 3, trip_distance: 2 } }));
  const lines = await waggle('import-linear', file, '--name', 'mine', '--models-dir', folder, '--json');
  expect(lastOf(lines)).toEqual({ model: 'mine', version: '1.0.0', folder: join(folder, 'mine'), pairs: 1 });
});

it('names what went wrong and ends with 1', async () => {
  const lines = await waggle('evaluate', '--model', 'mine', '--models-dir', folder, 'trips.xls', '--json');
  expect(lastOf(lines)).toEqual({
    error: { code: 'trip_file_invalid', message: 'trips.xls: must end in .parquet or .csv' },
  });
  expect(process.exitCode).toBe(1);
});

import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import {
  Checkpoint,
  formatRunRecord,
  parseRunRecord,
  type RunProgress,
} from '../../../scripts/batch/checkpoint.js';
import { startOf } from '../../../scripts/setup/lock.mjs';
import { scratchFolder } from './scratch.js';

const { path, write } = scratchFolder();
const input = write('in.csv', 'a\n1\n');
const options = { mode: 'batch', rows: 10 };

let runs = 0;
const newOut = (): string => {
  runs += 1;
  return path(`out${runs}.csv`);
};

const start = (
  out: string,
  changes: { options?: object; input?: string; model?: string; restart?: boolean; force?: boolean } = {},
) =>
  Checkpoint.start(
    { input: changes.input ?? input, out, options: { ...options, ...changes.options } },
    {
      model: changes.model ?? 'm',
      jobsTogether: 32,
      restart: changes.restart ?? false,
      force: changes.force ?? false,
    },
  );

const progress: RunProgress = {
  partRow: 10,
  rows: 12,
  outputBytes: 5,
  tally: { succeeded: 11, failed: 1, failures: [{ reason: 'no', rows: 1, first_row: 3 }] },
  accuracy: { rows: 2, squared: 3.5, absolute: 1 },
};

/** Of a version whose CSV files had no error column until a row failed. */
const EARLIER_VERSION = JSON.stringify({
  schema: 1,
  pid: 1,
  runId: 'r',
  model: 'm',
  identity: {},
  progress: { ...progress, output: { bytes: 5, hasErrorColumn: false, isReplacing: false } },
});

/** A run that has written something and was left. */
function begun(): { out: string; runId: string } {
  const out = newOut();
  const checkpoint = start(out);
  writeFileSync(out, 'a,y\n1');
  checkpoint.save(progress);
  return { out, runId: checkpoint.run.runId };
}

it('is there before anything is sent, and gone when the run is complete', () => {
  const out = newOut();
  const checkpoint = start(out);
  expect(parseRunRecord(readFileSync(`${out}.checkpoint`, 'utf8'))).toMatchObject({
    runId: checkpoint.run.runId,
    model: 'm',
    progress: { rows: 0 },
  });
  checkpoint.remove();
  expect(existsSync(`${out}.checkpoint`)).toBe(false);
});

it('is not kept for a run that cannot be taken up, whose output file must be free all the same', () => {
  const out = newOut();
  const run = { model: 'm', jobsTogether: 32, force: false };
  Checkpoint.none(out, run).save(progress);
  expect(existsSync(`${out}.checkpoint`)).toBe(false);
  writeFileSync(out, 'precious');
  expect(() => Checkpoint.none(out, run)).toThrow('--force');
});

it('takes a run up where it was left, with its name and its model', () => {
  const { out, runId } = begun();
  const again = start(out, { model: 'another by now' });
  expect(again.run).toMatchObject({ runId, model: 'm', progress, pid: process.pid });
});

it('begins anew when asked to, or when nothing was written yet', () => {
  const { out, runId } = begun();
  const anew = start(out, { restart: true });
  expect(anew.run.progress.rows).toBe(0);
  expect(anew.run.runId).not.toBe(runId);
  const other = start(out, { options: { rows: 20 } });
  expect(other.run.runId).not.toBe(anew.run.runId);
});

describe('refuses', () => {
  it('an output file that is not its own, unless it may be replaced', () => {
    const out = newOut();
    writeFileSync(out, 'precious');
    expect(() => start(out)).toThrow(
      `${out} is there already: name another --out, or replace it with --force`,
    );
    expect(() => start(out, { restart: true })).toThrow('--force');
    expect(existsSync(`${out}.checkpoint`)).toBe(false);
    start(out, { force: true });
  });

  it('another run', () => {
    const { out } = begun();
    expect(() => start(out, { options: { rows: 20 } })).toThrow(/other options: .*--restart/);
    expect(() => start(out, { input: write('other.csv', 'a\n2\n') })).toThrow('another input file');
    utimesSync(input, new Date(), new Date(0));
    expect(() => start(out)).toThrow('it has changed since');
  });

  it('a run whose output is gone or was cut', () => {
    const { out } = begun();
    writeFileSync(out, 'a');
    expect(() => start(out)).toThrow('has 1 bytes where its checkpoint counts 5');
  });

  it.each(['{"schema":99}', EARLIER_VERSION])(
    'what is no checkpoint of this version, unless it may go',
    (text) => {
      const out = newOut();
      writeFileSync(`${out}.checkpoint`, text);
      expect(() => start(out)).toThrow('no checkpoint of this version');
      start(out, { restart: true });
    },
  );

  it('a run that another process is at work on, until its number is free or is given to another', async () => {
    const { out } = begun();
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const record = parseRunRecord(readFileSync(`${out}.checkpoint`, 'utf8'));
    if (!record || other.pid === undefined) throw new Error('no record, or no process');
    const { pid } = other;
    const held = formatRunRecord({ ...record, pid, started: startOf(pid) });
    writeFileSync(`${out}.checkpoint`, held);
    expect(() => start(out)).toThrow(`process ${pid} is at work`);
    expect(() => start(out, { restart: true })).toThrow(`process ${pid} is at work`);
    writeFileSync(`${out}.checkpoint`, formatRunRecord({ ...record, pid, started: 'at another time' }));
    start(out);
    writeFileSync(`${out}.checkpoint`, held);
    const ended = new Promise((resolve) => other.once('exit', resolve));
    other.kill('SIGKILL');
    await ended;
    start(out);
  });
});

it.each([
  '',
  '{',
  '[]',
  '{"schema":1}',
  formatRunRecord({
    pid: 1,
    started: undefined,
    runId: 'r',
    model: 'm',
    jobsTogether: 32,
    identity: {},
    progress,
  }).replace('"rows"', '"row"'),
])('knows no record in %j', (text) => {
  expect(parseRunRecord(text)).toBeUndefined();
});

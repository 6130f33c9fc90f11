import { createLogger } from '../../../shared/log/logger.js';
import { Subjects } from '../../../scripts/bench/subjects/subjects.js';
import { root } from '../../../scripts/setup/project.mjs';
import { openVenv } from '../../../scripts/setup/venv.mjs';

const { PATH } = process.env;
afterEach(() => {
  process.env['PATH'] = PATH;
});

it('says why there is no environment where Python is missing', async () => {
  process.env['PATH'] = '/nowhere';
  await expect(openVenv('nothing', [])).rejects.toThrow('there is no python3 on PATH');
});

it('leaves out what is written in Python without an interpreter, and tells once how to get it', () => {
  const log = createLogger('bench', { level: 'warn', dir: undefined, pretty: true });
  const host = {
    root,
    env: {},
    log,
    ensureRedis: () => Promise.reject(new Error('no Redis is started here')),
  };
  const names = ['waggle', 'celery', 'bentoml', 'litserve'] as const;
  const [without, withPython] = [new Subjects(host), new Subjects(host, '/usr/bin/python3')];
  expect(names.map((name) => without.isHere(name))).toEqual([true, false, false, false]);
  expect(names.map((name) => withPython.isHere(name))).toEqual([true, true, true, true]);
  expect(without.leftOut().filter((reason) => reason.includes('--peers all'))).toHaveLength(1);
});

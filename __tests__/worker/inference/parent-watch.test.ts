import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { until } from '../../support/latch.js';
import { isRunning } from '../../support/processes.js';
import { FIXTURES } from '../../support/paths.js';

it('ends a process whose model hangs when its parent is killed', async () => {
  const parent: ChildProcess = fork(`${FIXTURES}/faulty/hanging-parent.mjs`, { execArgv: [] });
  const [{ pid }] = (await once(parent, 'message')) as [{ pid: number }];
  expect(isRunning(pid)).toBe(true);
  const gone = once(parent, 'exit');
  parent.kill('SIGKILL');
  await gone;
  await until(() => !isRunning(pid), { what: 'the end of the orphan' });
});

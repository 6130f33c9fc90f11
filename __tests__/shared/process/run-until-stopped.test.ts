import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

const MODULE = resolve(__dirname, '../../../dist/shared/process/run-until-stopped.js');

it('ends a process that has closed everything, whatever still keeps it alive', async () => {
  const program = `
    import { runUntilStopped } from ${JSON.stringify(MODULE)};
    const log = { info: (message) => console.log(message), error: (message) => console.log(message) };
    await runUntilStopped({ log, deadlineMs: 120_000 }, async () => {
      setInterval(() => undefined, 60_000);
      console.log('started');
      return () => ({});
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (text: Buffer) => {
    said += text.toString();
    if (said === 'started\n') child.kill('SIGTERM');
  });
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(said).toBe('started\nstopping\nstopped\n');
});

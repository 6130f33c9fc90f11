import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Service, startService } from '../support/service.js';

const ROOT = resolve(__dirname, '../..');
const EXAMPLES = 'docs/examples';
const run = promisify(execFile);

const read = (page: string): string => readFileSync(join(ROOT, EXAMPLES, page), 'utf8');

let service: Service;
beforeAll(async () => {
  const [, settings = ''] = /^(.*) npm start$/m.exec(read('README.md')) ?? [];
  const env = Object.fromEntries(settings.split(' ').map((setting) => setting.split('=')));
  service = await startService({ ...env, TF_ENGINE: 'wasm' });
});
afterAll(() => service?.stop());

/** The commands that a page shows, lines of four spaces being the rest of one, each with its output: `...` stands for anything. */
const shownIn = (page: string): { command: string; output: string }[] =>
  [...read(page).matchAll(/```console\n(.*?)```/gs)].flatMap(([, block = '']) =>
    [...block.matchAll(/^\$ (.*(?:\n {4}.*)*)\n((?:[^$].*\n)*)/gm)].map(([, command = '', output = '']) => ({
      command,
      output: output.trim(),
    })),
  );

const shown = ['digits', 'iris'].flatMap((name) => shownIn(`${name}/README.md`));

it('finds the commands', () => {
  expect(shown).toHaveLength(4);
});

it.each(shown)('$command', async ({ command, output }) => {
  const here = command.replaceAll('http://127.0.0.1:8182', service.url);
  const env = { ...process.env, WAGGLE_URL: service.url };
  const { stdout } = await run('bash', ['-c', here], { cwd: ROOT, env });
  const parts = output.split('...').map((part) => part.replaceAll(/[^\w\s]/g, String.raw`\$&`));
  expect(output).not.toBe('');
  expect(stdout.replaceAll('\r', '').trim()).toMatch(new RegExp(`^${parts.join('.*')}$`, 's'));
});

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const FILE = resolve(__dirname, '../../.github/workflows/publish.yml');

/** Holds a file against what GitHub accepts as a workflow, by a linter that npm fetches. Rejects with what it found. */
const lint = (file: string): Promise<unknown> =>
  promisify(execFile)('npx', [
    ...['core', 'cli'].map((part) => `--package=@action-validator/${part}@0.6.0`),
    '--yes',
    'action-validator',
    file,
  ]);

it('is a workflow that GitHub accepts', async () => {
  await expect(lint(FILE)).resolves.toBeDefined();
  const dir = mkdtempSync(join(tmpdir(), 'waggle-workflow-'));
  const wrong = join(dir, 'wrong.yml');
  writeFileSync(wrong, readFileSync(FILE, 'utf8').replace('runs-on:', 'runs-an:'));
  await expect(lint(wrong)).rejects.toThrow('runs-on');
  rmSync(dir, { recursive: true, force: true });
});

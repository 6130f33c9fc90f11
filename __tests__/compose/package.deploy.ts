import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { softwareVersion } from '../../shared/process/software-version.js';
import { startService } from '../support/service.js';

// It installs some hundred megabytes of packages.
jest.setTimeout(600_000);

const ROOT = resolve(__dirname, '../..');
const run = promisify(execFile);

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'waggle-package-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('packs, unpacks, sets itself up as locked and without what only development needs, predicts, and stops', async () => {
  await run('npm', ['pack', '--silent', '--pack-destination', dir], { cwd: ROOT });
  await run('tar', ['xzf', join(dir, `waggle-${softwareVersion()}.tgz`)], { cwd: dir });
  const unpacked = join(dir, 'package');
  // As npm start does.
  const service = await startService({}, unpacked);
  const waggle = async (...args: string[]): Promise<string> =>
    (await run('npx', ['--offline', 'waggle', ...args], { cwd: unpacked })).stdout;
  const trip = ['--pu', '130', '--do', '205', '--distance', '3'];
  const job = JSON.parse(await waggle('submit', '--url', service.url, ...trip, '--json')) as object;
  expect(job).toMatchObject({ status: 'succeeded', result: { duration: expect.closeTo(13.2, 0) as number } });
  for (const path of ['/dashboard', '/docs', '/docs/swagger-ui-bundle.js', '/metrics']) {
    expect((await fetch(service.url + path)).status).toBe(200);
  }
  expect(await waggle('models', '--url', service.url)).toContain('trip-duration-linear');
  expect(await service.stop()).toBe(0);
  for (const name of ['jest', 'typescript', '@tensorflow/tfjs-node']) {
    expect(existsSync(join(unpacked, 'node_modules', name))).toBe(false);
  }
});

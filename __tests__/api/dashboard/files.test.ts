import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import request from 'supertest';
import { createApp } from '../../../api/app.js';
import { FOLDERS, SINGLE_FILES } from '../../../api/routes/dashboard.js';
import { useApiRig } from '../../support/rigs/api-rig.js';

const api = useApiRig();

const get = (path: string) => request(createApp(api.ctx)).get(path);

it('serves a page that may run and load what comes from here, and nothing written into it', async () => {
  const { status, headers, text } = await get('/dashboard');
  expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  expect(headers['content-security-policy']).toContain("script-src 'self';style-src 'self'");
  expect(headers['content-security-policy']).not.toContain('unsafe');
  expect(text).not.toMatch(/<style|\sstyle=|<script>|\son\w+=|https?:\/\/(?!www\.w3\.org)/);
});

it('serves the style sheets and pictures that the page names, which browsers may keep', async () => {
  const { text } = await get('/dashboard');
  const named = [...text.matchAll(/(?:href|src)="(\/dashboard\/[^"]+\.(?:css|svg))"/g)].flatMap(
    ([, path]) => path ?? [],
  );
  expect(named.length).toBeGreaterThan(5);
  for (const path of named) {
    const first = await get(path);
    expect([path, first.status]).toEqual([path, 200]);
    const again = await get(path).set('If-Modified-Since', first.headers['last-modified'] ?? '');
    expect([path, again.status]).toEqual([path, 304]);
  }
});

it('serves every module that the page imports, directly or by way of others', () => {
  const root = resolve(__dirname, '../../..');
  const found = new Set<string>();
  const follow = (file: string): void => {
    const source = join(root, file.replace(/\.js$/, '.ts'));
    // uPlot comes from its package.
    if (found.has(file) || !existsSync(source)) return;
    found.add(file);
    const imports = readFileSync(source, 'utf8').matchAll(
      /^(?:im|ex)port (?!type\b)[^;']*from '(\.[^']+)'/gm,
    );
    for (const [, name = ''] of imports) follow(join(file, '..', name));
  };
  follow('api/dashboard/main.js');
  expect(found.size).toBeGreaterThan(30);
  const isServed = (file: string) =>
    SINGLE_FILES.includes(file) || FOLDERS.some((folder) => file.startsWith(`${folder}/`));
  expect([...found].filter((file) => !isServed(file))).toEqual([]);
});

it.each([
  '/dashboard/api/dashboard/nothing.js',
  '/dashboard/api/config.ts',
  '/dashboard/api/dashboard/main.ts',
  '/dashboard/package.json',
  '/dashboard/..%2Fpackage.json',
  '/dashboard/api/dashboard/..%2f..%2fconfig.js',
])('has nothing at %s', async (path) => {
  expect((await get(path)).status).toBe(404);
});

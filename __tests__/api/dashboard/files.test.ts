import request from 'supertest';
import { createApp } from '../../../api/app.js';
import { type ApiBench, openApiBench } from '../../contract/bench.js';
import { startRedis, type TestRedis } from '../../support/redis.js';

let server: TestRedis;
let api: ApiBench;
beforeAll(async () => {
  server = await startRedis();
  api = await openApiBench(server);
});
afterAll(async () => {
  await api.close();
  await server.stop();
});

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

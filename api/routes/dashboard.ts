import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProblemError } from '../http/problem.js';
import type { Route } from './route.js';

/** Parent of the API's and the shared files: modules of the page import each other across both. */
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Files of this project that the page loads; no other file is ever read from the disk. */
export const FOLDERS = ['api/dashboard', 'shared/client'];
export const SINGLE_FILES = [
  'shared/contract/states.js',
  'shared/errors.js',
  'shared/model/picture.js',
  'shared/process/backoff.js',
  'shared/process/pause.js',
  'shared/text/is-record.js',
];
const KINDS = /\.(js|css|svg)$/;

/** A file that has not changed since is answered with 304. */
const REVALIDATED = 'no-cache';
const FOR_A_DAY = 'public, max-age=86400';

/** `GET /dashboard`: the status page. It holds no data: that comes by the same calls that every client makes. */
export const dashboardRoute: Route = {
  method: 'get',
  path: '/dashboard',
  isPage: true,
  isPublic: true,
  handle: (exchange) => exchange.sendFile(join(ROOT, 'api/dashboard/index.html'), REVALIDATED),
};

/** `GET /dashboard/...`: what the page loads. */
export function dashboardFileRoute(): Route {
  const own = new Set([...SINGLE_FILES, ...FOLDERS.flatMap(filesBelow)]);
  const uplot = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist');
  const packaged = new Map([
    ['api/dashboard/uPlot.js', join(uplot, 'uPlot.esm.js')],
    ['api/dashboard/uPlot.css', join(uplot, 'uPlot.min.css')],
  ]);
  return {
    method: 'get',
    path: '/dashboard/*file',
    isPage: true,
    isPublic: true,
    handle(exchange) {
      const file = [exchange.request.params['file'] ?? []].flat().join('/');
      const foreign = packaged.get(file);
      if (foreign !== undefined) return exchange.sendFile(foreign, FOR_A_DAY);
      if (own.has(file)) return exchange.sendFile(join(ROOT, file), REVALIDATED);
      throw new ProblemError('not-found', 'the dashboard has no such file: see /dashboard');
    },
  };
}

/** Files of the kinds that pages load, below a folder, as they are asked for. */
const filesBelow = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => KINDS.test(file))
    .map((file) => `${folder}/${file.replaceAll(sep, '/')}`);

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const pagesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: folder !== '', encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
    .map((file) => join(folder, file));

const PAGES = ['', 'docs', 'api', 'worker', 'shared', 'model', 'compose', 'scripts', '__tests__'].flatMap(
  pagesIn,
);

/** Of a heading, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

const anchorsIn = (file: string): string[] =>
  [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

/** What a page links to in this repository: the file and, where one is named, the heading. */
const linksIn = (page: string): { file: string; anchor: string | undefined }[] =>
  [...read(page).matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)].map(([, target = '']) => {
    const [path = '', anchor] = target.split('#');
    return { file: path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), path)), anchor };
  });

/** Files and folders that a page names from the root, `{a,b}` spelt out. */
const pathsIn = (page: string): string[] =>
  [...read(page).matchAll(/`((?:api|worker|shared|scripts|compose|docs|__tests__)\/[\w./,{}-]*)`/g)].flatMap(
    ([, path = '']) => {
      const [, before = '', names, after = ''] = /^([^{]*)\{(.*)\}(.*)$/.exec(path) ?? [];
      return names === undefined ? [path] : names.split(',').map((name) => before + name + after);
    },
  );

it('finds pages', () => {
  expect(PAGES).toContain('README.md');
});

it.each(PAGES)('%s links to files and headings that exist', (page) => {
  const broken = linksIn(page).filter(
    ({ file, anchor }) =>
      !existsSync(join(ROOT, file)) || (anchor !== undefined && !anchorsIn(file).includes(anchor)),
  );
  expect(broken).toEqual([]);
});

it.each(PAGES)('%s names files and folders that exist', (page) => {
  expect(pathsIn(page).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

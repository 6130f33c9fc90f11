import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { importNames } from './import-names.js';

const ROOT = resolve(__dirname, '../..');

/** The files that each file of ours imports, type imports included; all as paths from the root. */
function importGraph(): Map<string, string[]> {
  const files = ['api', 'worker', 'shared', 'scripts'].flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|mjs)$/.test(file) && !file.includes('node_modules'))
      .map((file) => join(room, file)),
  );
  const known = new Set(files);
  return new Map(
    files.map((file) => {
      const named = importNames(readFileSync(join(ROOT, file), 'utf8'))
        .filter((name) => name.startsWith('.'))
        .map((name) => join(dirname(file), name));
      return [file, named.map((name) => name.replace(/\.js$/, '.ts')).filter((name) => known.has(name))];
    }),
  );
}

/** Circles of a graph, each as the way from a node back to itself. Every node that is in a circle leads to one of them. */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (node: string, way: readonly string[]): void => {
    const start = way.indexOf(node);
    if (start >= 0) circles.push([...way.slice(start), node].join(' > '));
    if (start >= 0 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...way, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return circles;
}

it('finds a circle, and none where two ways lead to one file', () => {
  const circle = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', ['d']],
    ['d', ['b']],
  ]);
  expect(circlesOf(circle)).toEqual(['b > c > d > b']);
  expect(circlesOf(new Map([...circle, ['d', []]]))).toEqual([]);
});

it('no file imports itself by way of others, not even for a type', () => {
  const graph = importGraph();
  expect([...graph.values()].flat().length).toBeGreaterThan(1_000);
  expect(circlesOf(graph)).toEqual([]);
});

it('the OpenAPI document is made without the routes', () => {
  const upward = [...importGraph()].filter(
    ([file, imported]) =>
      file.startsWith('api/openapi/') && imported.some((name) => name.startsWith('api/routes/')),
  );
  expect(upward).toEqual([]);
});

import request from 'supertest';
import { softwareVersion } from '../../shared/process/software-version.js';
import { useApiRig } from '../support/rigs/api-rig.js';
import { SHOP } from '../support/rigs/models-folder.js';
import { openDocument, partOf } from '../support/documented.js';

type Json = Record<string, unknown>;

const api = useApiRig();
let document: Json;
beforeAll(async () => {
  document = (await request(api.url).get('/openapi.json')).body as Json;
});

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const at = (...path: string[]): Json =>
  path.reduce<Json>((node, name) => (isObject(node[name]) ? node[name] : {}), document);

/** Every object in a part of the document, with the path to it. */
function* objectsIn(node: unknown, path: readonly string[] = []): Generator<[readonly string[], Json]> {
  if (isObject(node)) yield [path, node];
  if (typeof node !== 'object' || node === null) return;
  for (const [name, value] of Object.entries(node)) yield* objectsIn(value, [...path, name]);
}

const operations = (): [string, Json][] =>
  Object.entries(at('paths')).flatMap(([path, methods]) =>
    Object.entries(methods as Json).map(([method, operation]): [string, Json] => [
      `${method} ${path}`,
      operation as Json,
    ]),
  );

const isDescribed = (node: unknown): boolean =>
  isObject(node) &&
  [node['$ref'], node['description']].some((text) => typeof text === 'string' && text !== '');

const undescribed = (nodes: Json, where: string): string[] =>
  Object.entries(nodes).flatMap(([name, node]) => (isDescribed(node) ? [] : [`${where}/${name}`]));

it('has the version of the contract, a licence, a contact and a server', () => {
  const { info, servers } = document;
  expect(info).toMatchObject({ license: { identifier: 'MIT' }, contact: { name: expect.any(String) } });
  const { version } = info as { version: string };
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(version).not.toBe(softwareVersion());
  expect(servers).toEqual([{ url: '/' }]);
});

it('names, sums up, describes and tags every operation once, and says how it can be refused', () => {
  const described = new Set((document['tags'] as Json[]).filter(isDescribed).map(({ name }) => name));
  for (const [name, operation] of operations()) {
    const { operationId, summary, description, tags, responses } = operation;
    expect([name, operationId, summary, description]).toEqual([
      name,
      expect.stringMatching(/^[a-z]+[A-Za-z]+$/),
      expect.stringMatching(/\w/),
      expect.stringMatching(/\w/),
    ]);
    expect([name, (tags as string[]).filter((tag) => !described.has(tag))]).toEqual([name, []]);
    expect([name, Object.keys(responses as Json).filter((status) => status.startsWith('4'))]).not.toEqual([
      name,
      [],
    ]);
  }
  const ids = operations().map(([, { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

it('describes every parameter, header, schema and member', () => {
  const missing = [
    ...undescribed(at('components', 'schemas'), 'schemas'),
    ...undescribed(at('components', 'parameters'), 'parameters'),
  ];
  for (const [path, node] of objectsIn(document)) {
    for (const part of ['properties', 'headers']) {
      // What the members of an input mean is for its package to say.
      const isOurs = path.at(-1) !== 'properties' && !path.includes(`${SHOP}.input`);
      if (isObject(node[part]) && isOurs) {
        missing.push(...undescribed(node[part], [...path, part].join(' > ')));
      }
    }
  }
  expect(missing).toEqual([]);
});

it('says what every array holds', () => {
  const arrays = [...objectsIn(document)].filter(([, { type }]) => type === 'array');
  expect(arrays.length).toBeGreaterThan(5);
  expect(arrays.filter(([, { items }]) => !isObject(items)).map(([path]) => path)).toEqual([]);
});

it('has patterns that are read alike with the flag u and without', () => {
  const patterns = [...objectsIn(document)].flatMap(([, { pattern }]) =>
    typeof pattern === 'string' ? [pattern] : [],
  );
  expect(patterns.length).toBeGreaterThan(0);
  expect(patterns.filter((pattern) => /\\[pPu]\{/.test(pattern))).toEqual([]);
});

it('uses every component', () => {
  const text = JSON.stringify(document);
  const unused = ['schemas', 'parameters'].flatMap((kind) =>
    Object.keys(at('components', kind)).filter((name) => !text.includes(`"#/components/${kind}/${name}"`)),
  );
  expect(unused).toEqual([]);
});

it('has examples that are what they are examples of', () => {
  const ajv = openDocument(document);
  const wrong: unknown[] = [];
  let seen = 0;
  const check = (path: readonly string[], example: unknown): void => {
    seen += 1;
    if (!ajv.validate({ $ref: partOf(...path) }, example)) wrong.push([path, example, ajv.errorsText()]);
  };
  for (const [path, { schema, example }] of objectsIn(at('paths'), ['paths'])) {
    if (schema !== undefined && example !== undefined) check([...path, 'schema'], example);
  }
  for (const [name, schema] of Object.entries(at('components', 'schemas'))) {
    for (const example of (schema as { examples?: unknown[] }).examples ?? []) {
      check(['components', 'schemas', name], example);
    }
  }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(4);
});

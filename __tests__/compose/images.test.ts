import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { COMPOSE, loadProject } from '../support/deployment/compose-files.js';
import { CPU, dockerfileOf, GPU, SETTINGS } from '../support/deployment/combinations.js';
import {
  commandOf,
  finalStage,
  readDockerfile,
  readStages,
  stepsOf,
} from '../support/deployment/dockerfile.js';
import { checkNode } from '../../scripts/setup/prepare.mjs';
import { ignoring } from '../support/deployment/dockerignore.js';

const ROOT = join(COMPOSE, '..');
const FILES = ['api.Dockerfile', 'worker.Dockerfile', 'worker-gpu.Dockerfile'];
interface Package {
  version: string;
  optionalDependencies: Record<string, string>;
}
const manifest = (folder: string): Package =>
  JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Package;
const contextHolds = ignoring(readFileSync(join(ROOT, '.dockerignore'), 'utf8'));

it('are built and pushed by the README in the version of the packages', () => {
  const readme = readFileSync(join(COMPOSE, 'README.md'), 'utf8');
  const tags = [...readme.matchAll(/registry\.example\.com\/waggle-\S+?:(\S+)/g)].map(([, tag]) => tag);
  expect(tags).toEqual(FILES.map(() => manifest('.').version));
});

it('are those that compose files build', () => {
  const built = [CPU, GPU].flatMap((files) =>
    Object.values(loadProject(files, SETTINGS).services).map(dockerfileOf),
  );
  expect([...new Set(built.filter((name) => name !== ''))].toSorted()).toEqual(FILES.toSorted());
});

describe.each(FILES)('%s', (file) => {
  it('is a Dockerfile without anything that a linter minds', () => {
    expect(validate(readDockerfile(file)).map(({ message }) => message)).toEqual([]);
  });

  it('stands on exact versions, on a Node that the packages accept', () => {
    const stages = readStages(file);
    const named = new Set(stages.map(({ name }) => name));
    const bases = stages.map(({ base }) => base).filter((base) => !named.has(base));
    for (const base of bases) {
      expect(base).toMatch(
        /^node:\d+\.\d+\.\d+-bookworm-slim$|^nvidia\/cuda:11\.8\.0-cudnn8-runtime-ubuntu22\.04$/,
      );
    }
    const [, version = '', major] = /^node:((\d+)[\d.]+)/.exec(bases[0] ?? '') ?? [];
    expect(readFileSync(join(ROOT, '.nvmrc'), 'utf8')).toBe(`${major}\n`);
    expect(() => checkNode(version)).not.toThrow();
  });

  it('builds in the same way as the others, so that all share that stage', () => {
    const [first] = readStages('api.Dockerfile');
    expect(first?.name).toBe('build');
    expect(readStages(file)[0]).toEqual(first);
  });

  it('copies what is there and what .dockerignore lets through', () => {
    const copied = readStages(file)
      .flatMap((stage) => stepsOf(stage, 'COPY'))
      .filter(({ from }) => from === undefined)
      .flatMap(({ args }) => args.slice(0, -1))
      .filter((source) => source !== '.');
    expect(copied.length).toBeGreaterThan(8);
    expect(copied.filter((source) => !existsSync(join(ROOT, source)) || !contextHolds(source))).toEqual([]);
  });

  it('installs only by the lockfile, and runs no scripts of packages unasked', () => {
    const installs = readStages(file)
      .flatMap((stage) => stepsOf(stage, 'RUN'))
      .filter(({ text }) => text.startsWith('npm') && !text.startsWith('npm run'));
    for (const { text } of installs) {
      expect(text).toMatch(/^npm ci --ignore-scripts |^npm rebuild @tensorflow\/tfjs-node-gpu && test -f /);
    }
  });

  it('is run by plain Node, under a number that is not root', () => {
    const stage = finalStage(file);
    expect(stepsOf(stage, 'USER').map(({ text }) => text)).toEqual(['1000:1000']);
    expect(commandOf(stage, 'CMD')).toEqual([
      'node',
      expect.stringMatching(/^dist\/(api|worker)\/main\.js$/),
    ]);
    expect(commandOf(stage, 'HEALTHCHECK').slice(0, 2)).toEqual(['node', 'healthcheck.mjs']);
  });
});

it('asks for the pinned TensorFlow for GPUs by its name', () => {
  expect(Object.keys(manifest('worker/native').optionalDependencies)).toContain('@tensorflow/tfjs-node-gpu');
});

describe('what a build is sent', () => {
  it.each([
    'package-lock.json',
    '.npmrc',
    'api/main.ts',
    'shared/records/lua/create.lua',
    'model/trip-duration/weights.bin',
    'compose/healthcheck.mjs',
  ])('has %s', (path) => expect(contextHolds(path)).toBe(true));

  it.each([
    '.env',
    '.git/config',
    'node_modules/express/index.js',
    'worker/native/node_modules/a/b.js',
    'dist/api/main.js',
    '.data/redis/x.aof',
    '__tests__/conventions/imports.test.ts',
    'compose/compose.yaml',
    'compose/prometheus/api-key',
  ])('has no %s', (path) => expect(contextHolds(path)).toBe(false));
});

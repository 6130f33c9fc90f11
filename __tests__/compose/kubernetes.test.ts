import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CPU, GPU, SETTINGS } from '../support/deployment/combinations.js';
import { COMPOSE, loadProject } from '../support/deployment/compose-files.js';
import {
  KUBERNETES,
  type Manifest,
  readManifests,
  renderKustomization,
} from '../support/deployment/kustomize.js';
import { findUnknownMembers, validateManifest } from '../support/deployment/manifest-schemas.js';
import { containerOf, manifestOf, workloadsIn } from '../support/deployment/pods.js';

const { version } = JSON.parse(readFileSync(join(COMPOSE, '../package.json'), 'utf8')) as { version: string };
const OVERLAYS = readdirSync(join(KUBERNETES, 'overlays'));
const rendered = OVERLAYS.map((name): [string, Manifest[]] => [
  name,
  renderKustomization(`overlays/${name}`),
]);
const overlay = (name: string): Manifest[] => renderKustomization(`overlays/${name}`);

it.each(rendered)('%s is made of objects that Kubernetes and KEDA know', async (_, all) => {
  for (const manifest of all) await validateManifest(manifest);
  const names = all.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(new Set(names).size).toBe(names.length);
  expect(all.filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== 'waggle')).toEqual(
    [],
  );
});

it('leads from the sample of an Ingress to the port of the Service', async () => {
  const [ingress] = readManifests('.', 'ingress.yaml');
  if (!ingress) throw new Error('there is no Ingress');
  await validateManifest(ingress);
  expect(await findUnknownMembers([ingress])).toBe('');
  const { rules } = ingress.spec as { rules: { http: { paths: { backend: object }[] } }[] };
  const { spec } = manifestOf(overlay('cpu'), 'Service', 'api') as unknown as {
    spec: { ports: { name: string }[] };
  };
  expect(rules[0]?.http.paths.map(({ backend }) => backend)).toEqual([
    { service: { name: 'api', port: { name: spec.ports[0]?.name } } },
  ]);
});

it('has no member that its kind does not have', async () => {
  expect(await findUnknownMembers(rendered.flatMap(([, all]) => all))).toBe('');
  const [namespace] = readManifests('base', 'namespace.yaml');
  const wrong = { ...namespace, spec: { finalisers: [] } } as unknown as Manifest;
  expect(await findUnknownMembers([wrong])).toContain('finalisers');
});

it('refuses what a schema does not allow, and patches that find nothing', async () => {
  const [deployment] = readManifests('workers/base', 'worker.yaml');
  await expect(validateManifest({ ...deployment, spec: {} } as Manifest)).rejects.toThrow('selector');
  expect(() => renderKustomization('overlays/none')).toThrow('ENOENT');
});

it('lists every file that lies beside a kustomization', () => {
  const folders = readdirSync(KUBERNETES, { recursive: true, encoding: 'utf8' }).filter((path) =>
    existsSync(join(KUBERNETES, path, 'kustomization.yaml')),
  );
  expect(folders).toContain('workers/base');
  for (const folder of folders) {
    const text = readFileSync(join(KUBERNETES, folder, 'kustomization.yaml'), 'utf8');
    const files = readdirSync(join(KUBERNETES, folder)).filter((name) => name !== 'kustomization.yaml');
    expect(files.filter((name) => !text.includes(name))).toEqual([]);
  }
});

describe('images', () => {
  const imagesOf = (all: readonly Manifest[]): string[] =>
    workloadsIn(all).map((one) => containerOf(one).image ?? '');
  const builtBy = (files: string[]): string[] =>
    Object.entries(loadProject(files, SETTINGS).services)
      .filter(([name]) => /^(api|worker|redis)$/.test(name))
      .map(([, { image }]) => image);

  it.each([
    ['cpu', CPU],
    ['gpu', GPU],
  ])('of %s are those that compose builds, in a registry of yours, and the same Redis', (name, files) => {
    const own = imagesOf(overlay(name)).map((image) => image.replace('registry.example.com/', ''));
    expect(own.toSorted()).toEqual(builtBy(files).toSorted());
    expect(own.filter((image) => image.startsWith('waggle-') && !image.endsWith(`:${version}`))).toEqual([]);
  });
});

describe('what differs', () => {
  const cpu = overlay('cpu');
  const worker = (all: readonly Manifest[]) => {
    const one = workloadsIn(all).find(({ metadata }) => metadata.name === 'worker');
    if (!one) throw new Error('there is no worker');
    return { strategy: one.spec.strategy, pod: one.spec.template.spec, container: containerOf(one) };
  };

  it('is the engine, the GPU and what goes with it', () => {
    const gpu = worker(overlay('gpu'));
    expect(worker(cpu).container.env).toContainEqual({ name: 'TF_ENGINE', value: 'wasm' });
    expect(gpu.container.env).toContainEqual({ name: 'TF_ENGINE', value: 'gpu' });
    expect(gpu.container.env).toContainEqual(expect.objectContaining({ name: 'REDIS_URL' }));
    expect(gpu.container.resources?.limits).toMatchObject({ 'nvidia.com/gpu': 1 });
    expect(worker(cpu).container.resources?.limits).not.toHaveProperty('nvidia.com/gpu');
    expect(gpu.container.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual([
      '/tmp',
      '/var/cache/cuda',
    ]);
    expect(gpu.strategy).toMatchObject({ rollingUpdate: { maxSurge: 0 } });
  });

  const left = (all: readonly Manifest[]): string[] =>
    all.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  const changedFrom = (before: readonly Manifest[], after: readonly Manifest[]): Manifest[] =>
    after.filter(
      (one) => JSON.stringify(manifestOf(before, one.kind, one.metadata.name)) !== JSON.stringify(one),
    );
  const external = overlay('external-redis');

  it('is, with a Redis of your own, the one in the cluster and nothing else', () => {
    const missing = left(cpu).filter((one) => !left(external).includes(one));
    expect(missing).toEqual(['StatefulSet redis', 'Service redis', 'NetworkPolicy redis']);
    const changed = changedFrom(cpu, external);
    expect(left(changed)).toEqual(['NetworkPolicy to-redis']);
    expect(changed[0]?.spec).toMatchObject({ egress: [{ ports: [{ port: 6379 }] }] });
  });

  it.each([
    [
      'redis-cluster',
      'ConfigMap waggle',
      { data: { PARTITIONS: expect.stringMatching(/^[1-9]/), TRUST_PROXY: '1' } },
    ],
    [
      'redis-sentinel',
      'NetworkPolicy to-redis',
      { spec: { egress: [{ ports: [{ port: 6379 }, { port: 26_379 }] }] } },
    ],
  ])('is, of %s, one object of those for any Redis of your own', (name, object, what) => {
    const all = overlay(name);
    expect(left(all)).toEqual(left(external));
    const changed = changedFrom(external, all);
    expect(left(changed)).toEqual([object]);
    expect(changed[0]).toMatchObject(what);
  });
});

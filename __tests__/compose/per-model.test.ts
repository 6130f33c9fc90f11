import type { IScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import type { IPodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { KUBERNETES, type Manifest, renderKustomization } from '../support/deployment/kustomize.js';
import { findUnknownMembers, validateManifest } from '../support/deployment/manifest-schemas.js';
import { deployPerModel } from '../support/deployment/per-model.js';
import { chosenBy, containerOf, manifestOf, workloadsIn } from '../support/deployment/pods.js';
import { waggleHere } from '../support/waggle-here.js';

let folder: string;
let all: Manifest[];
beforeAll(async () => {
  folder = await deployPerModel();
  all = renderKustomization(folder);
});
afterAll(() => rmSync(join(KUBERNETES, folder), { recursive: true }));

interface Kinds {
  NetworkPolicy: INetworkPolicy;
  PodDisruptionBudget: IPodDisruptionBudget;
  PodMonitor: IPodMonitor;
  ScaledObject: IScaledObject;
}
const named = <Kind extends keyof Kinds>(kind: Kind, name: string): Kinds[Kind] =>
  manifestOf(all, kind, name) as unknown as Kinds[Kind];

it('is made of objects that Kubernetes, KEDA and the Prometheus Operator know', async () => {
  for (const manifest of all) await validateManifest(manifest);
  expect(await findUnknownMembers(all)).toBe('');
  expect(all.filter((one) => one.kind !== 'Namespace' && one.metadata.namespace !== 'waggle')).toEqual([]);
});

it('has workers of no other model, all of them within the policy for workers', () => {
  const workers = workloadsIn(all).filter(({ metadata }) => metadata.name.startsWith('worker'));
  expect(workers.map(({ metadata }) => metadata.name)).toEqual(['worker-digits', 'worker-trip-duration']);
  const { spec } = named('NetworkPolicy', 'worker');
  expect(chosenBy(spec?.podSelector?.matchLabels, workloadsIn(all))).toEqual(workers);
});

it.each([
  ['digits', 'waggle-worker-gpu', 1],
  ['trip-duration', 'waggle-worker', undefined],
])('has for %s what serves, scales, keeps and watches it alone', (model, image, gpus) => {
  const name = `worker-${model}`;
  const [worker, ...others] = workloadsIn(all).filter(({ metadata }) => metadata.name === name);
  if (!worker || others.length > 0) throw new Error(`there is not one ${name}`);
  const container = containerOf(worker);
  expect(container.env).toContainEqual({ name: 'MODELS', value: model });
  expect(container.image).toContain(`/${image}:`);
  expect(container.resources?.limits?.['nvidia.com/gpu']).toBe(gpus);

  const { scaleTargetRef, triggers } = named('ScaledObject', name).spec;
  expect(scaleTargetRef.name).toBe(name);
  expect(triggers.map(({ metadata }) => [metadata['url'], metadata['valueLocation']])).toEqual(
    ['waiting', 'held'].map((value) => [
      `http://api.waggle.svc.cluster.local/stats/demand?model=${model}`,
      value,
    ]),
  );

  const monitor = named('PodMonitor', name).spec;
  const budget = named('PodDisruptionBudget', name).spec;
  for (const selector of [worker.spec.selector, monitor?.selector, budget?.selector]) {
    expect(chosenBy(selector?.matchLabels, workloadsIn(all))).toEqual([worker]);
  }
  expect(container.ports?.map((port) => port.name)).toEqual(
    monitor?.podMetricsEndpoints?.map(({ port }) => port),
  );
});

it('watches the API at its port, with a key of the Secret', () => {
  const { spec } = named('PodMonitor', 'api');
  const [api] = chosenBy(spec?.selector.matchLabels, workloadsIn(all));
  const [endpoint] = spec?.podMetricsEndpoints ?? [];
  expect(api && containerOf(api).ports?.map(({ name }) => name)).toEqual([endpoint?.port]);
  expect(endpoint?.authorization?.credentials).toEqual({ name: 'waggle', key: 'KEDA_TOKEN' });
});

it.each([
  [['--models', 'My_Model'], '"My_Model" has to be up to 56 lower-case letters'],
  [['--models', 'digits,v1.2'], '"v1.2" has to be'],
  [['--models', 'digits-'], '"digits-" has to be'],
  [['--models', 'm'.repeat(57)], 'has to be'],
  [['--models', 'digits', '--gpu', 'iris'], '--gpu names iris, and --models does not'],
  [[], '--models'],
])('refuses %p in a sentence', async (args, sentence) => {
  const { code, stderr } = await waggleHere(['deploy', 'kubernetes', ...args, '--out', '/dev/null']);
  expect([code, stderr]).toEqual([1, expect.stringContaining(sentence)]);
});

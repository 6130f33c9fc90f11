import type { IScaledObject, ITriggerAuthentication } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import { readManifests, renderKustomization } from '../support/deployment/kustomize.js';
import { manifestOf } from '../support/deployment/pods.js';
import { TRIP, useApiRig } from '../support/rigs/api-rig.js';

const all = renderKustomization('overlays/cpu');
const { spec } = manifestOf(all, 'ScaledObject', 'worker') as unknown as IScaledObject;
const api = useApiRig();

it('asks for numbers that the API tells, where something waits and something is held', async () => {
  const [first] = [(await api.submit({ input: TRIP })).body.id, (await api.submit({ input: TRIP })).body.id];
  await api.worker.claim(first);
  for (const { metadata } of spec.triggers) {
    const { pathname, search, hostname } = new URL(metadata['url'] ?? '');
    expect(hostname).toBe('api.waggle.svc.cluster.local');
    const { status, body } = await api.call('get', pathname + search);
    expect([status, body[metadata['valueLocation'] ?? '']]).toEqual([200, 1]);
  }
  expect(spec.triggers.map(({ metadata }) => metadata['valueLocation'])).toEqual(['waiting', 'held']);
});

it('reaches the API by the name and port of its Service, through its NetworkPolicy', () => {
  const service = manifestOf(all, 'Service', 'api') as unknown as { spec: { ports: { port: number }[] } };
  expect(service.spec.ports.map(({ port }) => port)).toContain(80);
  const policy = JSON.stringify(manifestOf(all, 'NetworkPolicy', 'api'));
  expect(policy).toContain('"kubernetes.io/metadata.name":"keda"');
});

it('scales the worker, by a target for each number', () => {
  expect(spec.scaleTargetRef.name).toBe(manifestOf(all, 'Deployment', 'worker').metadata.name);
  expect(spec.maxReplicaCount).toBeGreaterThan(1);
  // Whoever says how many there are must be one.
  expect(readManifests('workers/base', 'worker.yaml')[0]?.spec).not.toHaveProperty('replicas');
  for (const { type, metadata } of spec.triggers) {
    expect(type).toBe('metrics-api');
    expect(Number(metadata['targetValue'])).toBeGreaterThan(0);
    // One waiting job is a reason for the first worker.
    expect(Number(metadata['activationTargetValue'])).toBe(0);
  }
});

it('knows the key from the Secret', () => {
  for (const { authenticationRef, metadata } of spec.triggers) {
    expect(metadata['authMode']).toBe('bearer');
    const { spec: auth } = manifestOf(
      all,
      'TriggerAuthentication',
      authenticationRef?.name ?? '',
    ) as unknown as ITriggerAuthentication;
    expect(auth.secretTargetRef).toEqual([{ parameter: 'token', name: 'waggle', key: 'KEDA_TOKEN' }]);
  }
});

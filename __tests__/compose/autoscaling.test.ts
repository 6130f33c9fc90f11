import { resolve } from 'node:path';
import type { IScaledObject, ITriggerAuthentication } from '@kubernetes-models/keda/keda.sh/v1alpha1';
import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import { readCatalog } from '../../shared/model/catalog.js';
import { type BeeLink, openBeeLink } from '../../shared/queue/bee-queue.js';
import { readManifests, renderKustomization } from '../support/deployment/kustomize.js';
import { manifestOf } from '../support/deployment/pods.js';
import { createLatch, until } from '../support/latch.js';
import { useRedis } from '../support/rigs/use-redis.js';

const models = [...readCatalog(resolve(__dirname, '../../model')).packages.keys()];
const all = renderKustomization('overlays/cpu');
const { spec } = manifestOf(all, 'ScaledObject', 'worker') as unknown as IScaledObject;
const listNames = spec.triggers.map(({ metadata }) => metadata['listName'] ?? '');

const links: BeeLink[] = [];
const mayEnd = createLatch();

afterAll(async () => {
  mayEnd.open();
  await Promise.all(links.map((link) => link.close(1_000)));
});
const server = useRedis();

it('looks at exactly the lists that a running system has while jobs and chunks wait and run', async () => {
  const client = await server.connect();
  const onBroken = (reason: string): never => {
    throw new Error(reason);
  };
  for (const name of models.flatMap((model) => [model, chunkQueueOf(model)])) {
    const address = { redis: server.address, keyPrefix: '', name };
    const producer = await openBeeLink(address, { isWorker: false, onBroken });
    const worker = await openBeeLink(address, { isWorker: true, onBroken });
    links.push(producer, worker);
    // One that a worker holds, and one that waits for it.
    const taken = createLatch();
    await worker.process(1, async () => {
      taken.open();
      await mayEnd.opened;
    });
    await producer.save({ jobId: 'a', delivery: 1 });
    await taken.opened;
    await producer.save({ jobId: 'b', delivery: 1 });
  }
  const lists = await until(async () => {
    const found = (await client.command(['KEYS', '*'])) as string[];
    const types = await Promise.all(found.map((key) => client.command(['TYPE', key])));
    const names = found.filter((_, i) => types[i] === 'list');
    return names.length >= listNames.length && names;
  });
  expect(listNames.toSorted()).toEqual(lists.toSorted());
  for (const name of listNames) expect(await client.command(['LLEN', name])).toBe(1);
});

it('never scales to none: a retry that waits for its time is in no list', () => {
  expect(spec.minReplicaCount).toBe(1);
  expect(spec.maxReplicaCount).toBeGreaterThan(1);
});

it('scales the worker, by a number for each list', () => {
  expect(spec.scaleTargetRef.name).toBe(manifestOf(all, 'Deployment', 'worker').metadata.name);
  // Whoever says how many there are must be one.
  expect(readManifests('base', 'worker.yaml')[0]?.spec).not.toHaveProperty('replicas');
  for (const { type, metadata } of spec.triggers) {
    expect(type).toBe('redis');
    expect(Number(metadata['listLength'])).toBeGreaterThan(0);
  }
});

it('knows address and password from the Secret', () => {
  for (const { authenticationRef, metadata } of spec.triggers) {
    expect(Object.keys(metadata).toSorted()).toEqual(['listLength', 'listName']);
    const { spec: auth } = manifestOf(
      all,
      'TriggerAuthentication',
      authenticationRef?.name ?? '',
    ) as unknown as ITriggerAuthentication;
    expect(auth.secretTargetRef?.map(({ parameter, name }) => `${parameter} of ${name}`)).toEqual([
      'address of waggle',
      'password of waggle',
    ]);
  }
});

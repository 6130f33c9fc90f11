import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IProbe, IService } from 'kubernetes-models/v1';
import { readApiConfig } from '../../api/config.js';
import { allRoutes } from '../../api/routes/all-routes.js';
import { readWorkerConfig } from '../../worker/config.js';
import { SETTINGS } from '../support/deployment/combinations.js';
import { COMPOSE } from '../support/deployment/compose-files.js';
import { imageEnv } from '../support/deployment/dockerfile.js';
import { KUBERNETES, type Manifest, renderKustomization } from '../support/deployment/kustomize.js';
import { chosenBy, containerOf, manifestOf, type Workload, workloadsIn } from '../support/deployment/pods.js';
import { valuesOf, variablesRead } from '../support/variables.js';

const OVERLAYS = readdirSync(join(KUBERNETES, 'overlays'));
const rendered = OVERLAYS.map((name): [string, Manifest[]] => [
  name,
  renderKustomization(`overlays/${name}`),
]);
const workloads = rendered.flatMap(([overlay, all]) =>
  workloadsIn(all).map((one): [string, Workload] => [`${one.metadata.name} (${overlay})`, one]),
);
const programs = workloads.filter(([name]) => !name.startsWith('redis'));
const settings = readFileSync(join(KUBERNETES, 'base/waggle.env'), 'utf8');
/** The keys of the Secret that the README tells to make. */
const secretKeys = new Set(
  [...readFileSync(join(COMPOSE, 'README.md'), 'utf8').matchAll(/--from-literal=(\w+)=/g)].map(
    ([, key = '']) => key,
  ),
);

const gracePeriodOf = ({ spec }: Workload): number => spec.template.spec?.terminationGracePeriodSeconds ?? 0;

describe('every pod', () => {
  it.each(workloads)('is held as strictly as the namespace asks: %s', (_, one) => {
    const pod = one.spec.template.spec;
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: expect.any(Number),
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    expect(pod?.securityContext?.runAsUser).toBeGreaterThan(0);
    expect(containerOf(one).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it.each(workloads)('asks for what it needs, and has a limit of memory: %s', (_, one) => {
    expect(containerOf(one).resources).toMatchObject({
      requests: { cpu: expect.anything(), memory: expect.anything() },
      limits: { memory: expect.anything() },
    });
  });

  it.each(workloads)('mounts what it has, and is chosen by its own labels: %s', (_, one) => {
    const claims = (one.spec as { volumeClaimTemplates?: { metadata: { name: string } }[] })
      .volumeClaimTemplates;
    const volumes = [
      ...(one.spec.template.spec?.volumes ?? []),
      ...(claims ?? []).map(({ metadata }) => metadata),
    ];
    const mounts = containerOf(one).volumeMounts?.map(({ name }) => name) ?? [];
    expect(mounts.toSorted()).toEqual(volumes.map(({ name }) => name).toSorted());
    expect(chosenBy(one.spec.selector.matchLabels, [one])).toEqual([one]);
  });

  it.each(workloads)('is asked at ports that it has, for paths that exist: %s', (name, one) => {
    const { ports = [], startupProbe, livenessProbe, readinessProbe } = containerOf(one);
    const probes = [startupProbe, livenessProbe, readinessProbe].filter(
      (probe): probe is IProbe => probe !== undefined,
    );
    expect(probes).toHaveLength(3);
    const asked = probes.flatMap(({ httpGet, tcpSocket }) => httpGet ?? tcpSocket ?? []);
    expect(asked.filter(({ port }) => !ports.some((own) => own.name === port))).toEqual([]);
    const paths = probes.flatMap(({ httpGet }) => httpGet?.path ?? []);
    const routes = name.startsWith('api')
      ? allRoutes()
          .filter(({ isPublic }) => isPublic)
          .map(({ path }) => path)
      : ['/metrics'];
    expect(paths.filter((path) => !routes.includes(path))).toEqual([]);
  });
});

describe('the programs', () => {
  /** What their images and the ConfigMap set. */
  const environmentOf = ({ metadata: { name } }: Workload): Record<string, string> => ({
    ...imageEnv(`${name}.Dockerfile`),
    ...valuesOf(settings),
    ...(name === 'api' ? { API_KEYS: SETTINGS.API_KEYS } : {}),
  });

  it.each(programs)('have longer to stop than they take: %s', (_, one) => {
    const pause = Number(containerOf(one).lifecycle?.preStop?.exec?.command?.[1] ?? 0);
    const { graceMs } = readWorkerConfig(environmentOf(one), false);
    expect(gracePeriodOf(one) * 1_000).toBeGreaterThan(pause * 1_000 + graceMs + 3_000);
  });

  it.each(programs)('listen at the ports that are named: %s', (name, one) => {
    const env = environmentOf(one);
    const port = name.startsWith('api')
      ? readApiConfig(env, false).listen.port
      : readWorkerConfig(env, false).metrics?.port;
    expect(containerOf(one).ports?.map(({ containerPort }) => containerPort)).toEqual([port]);
  });

  it('are set by variables that they read, none of them a secret', () => {
    const known = variablesRead('api', 'worker');
    expect(
      Object.keys(valuesOf(settings)).filter((name) => !known.has(name) || /KEY|URL|PASSWORD/.test(name)),
    ).toEqual([]);
  });

  it.each(workloads)('take secrets of keys that the README says how to make: %s', (_, one) => {
    const { env = [] } = containerOf(one);
    const references = env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []);
    expect(references.map(({ name: secret, key }) => ({ secret, known: secretKeys.has(key) }))).toEqual(
      references.map(() => ({ secret: 'waggle', known: true })),
    );
  });

  it.each(programs)('are given variables that they read, and secrets by reference alone: %s', (name, one) => {
    const { env = [], envFrom } = containerOf(one);
    const known = variablesRead(name.startsWith('api') ? 'api' : 'worker');
    expect(env.filter((variable) => !known.has(variable.name))).toEqual([]);
    expect(envFrom).toEqual([{ configMapRef: { name: 'waggle' } }]);
    expect(
      env.filter((variable) => /KEY|URL|PASSWORD/.test(variable.name) && variable.value !== undefined),
    ).toEqual([]);
  });
});

describe.each(rendered)('the services and policies of %s', (_, all) => {
  const pods = workloadsIn(all);

  it('stay in the cluster, and lead to pods that have the port', () => {
    const services = all.filter(({ kind }) => kind === 'Service') as unknown as IService[];
    expect(services.length).toBeGreaterThan(0);
    for (const { spec } of services) {
      expect(spec?.type ?? 'ClusterIP').toBe('ClusterIP');
      const [pod, ...others] = chosenBy(spec?.selector, pods);
      expect(others).toEqual([]);
      expect(pod && containerOf(pod).ports?.map(({ name }) => name)).toEqual(
        spec?.ports?.map(({ targetPort }) => targetPort),
      );
    }
  });

  it('keep enough of API and workers when nodes are emptied', () => {
    const budgets = all.filter(
      ({ kind }) => kind === 'PodDisruptionBudget',
    ) as unknown as IPodDisruptionBudget[];
    const kept = budgets
      .flatMap(({ spec }) => chosenBy(spec?.selector?.matchLabels, pods))
      .map(({ metadata }) => metadata.name);
    expect(kept.toSorted()).toEqual(['api', 'worker']);
  });

  it('let nobody in or out, but whom they name, to ports that there are', () => {
    const { spec } = manifestOf(all, 'NetworkPolicy', 'nothing-else') as unknown as INetworkPolicy;
    expect(spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    const inward = (all.filter(({ kind }) => kind === 'NetworkPolicy') as unknown as INetworkPolicy[]).filter(
      (policy) => policy.spec?.ingress,
    );
    expect(inward).toHaveLength(pods.length);
    for (const policy of inward) {
      const [pod, ...others] = chosenBy(policy.spec?.podSelector?.matchLabels, pods);
      expect(others).toEqual([]);
      const open = policy.spec?.ingress?.flatMap(({ ports = [] }) => ports.map(({ port }) => port));
      expect(open).toEqual(pod && containerOf(pod).ports?.map(({ name }) => name));
      expect(policy.spec?.ingress?.every(({ from = [] }) => from.length > 0)).toBe(true);
    }
  });
});

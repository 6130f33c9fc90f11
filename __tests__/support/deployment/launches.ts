import type { IContainer } from 'kubernetes-models/v1';
import { CPU, SETTINGS } from './combinations.js';
import { loadProject, type Service } from './compose-files.js';
import type { Launch } from './containers.js';
import { fullName } from './images.js';
import { type Manifest, renderKustomization } from './kustomize.js';
import { containerOf, manifestOf, workloadsIn } from './pods.js';

const imageName = (image: string): string =>
  image.startsWith('waggle-') ? `localhost/${image}` : fullName(image);

/** The services of compose.yaml for the CPU, as `docker compose up` would run them, by their names. */
export function composeLaunches(prefix: string): Record<string, Launch> {
  const { services } = loadProject(CPU, SETTINGS);
  return Object.fromEntries(
    Object.entries(services).map(([alias, one]) => {
      const { cpus, memory, pids } = one.deploy.resources.limits;
      const env: Service['environment'] = { ...one.environment };
      if (alias === 'api') env['API_KEYS'] = SETTINGS.API_KEYS;
      const volumes = (one.volumes ?? []).map((volume) => `${prefix}-${volume}`);
      const flags = [
        ...(one.user === undefined ? [] : ['--user', one.user]),
        ...(one.read_only ? ['--read-only'] : []),
        ...(one.init ? ['--init'] : []),
        ...(one.healthcheck ? ['--health-cmd', one.healthcheck.test[1] ?? ''] : []),
        ...one.cap_drop.flatMap((name) => ['--cap-drop', name]),
        ...one.security_opt.flatMap((option) => ['--security-opt', option.replace(':true', '')]),
        ...(one.tmpfs ?? []).flatMap((path) => ['--tmpfs', path]),
        ...volumes.flatMap((volume) => ['--volume', volume]),
        `--cpus=${cpus}`,
        `--memory=${memory}`,
        `--pids-limit=${pids}`,
      ];
      const launch: Launch = {
        alias,
        image: imageName(one.image),
        command: one.command ?? [],
        env: Object.fromEntries(
          Object.entries(env).flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]])),
        ),
        flags,
        networks: Object.keys(one.networks).map((network) => `${prefix}-${network}`),
        graceS: Number.parseInt(one.stop_grace_period ?? '10', 10),
      };
      return [alias, launch];
    }),
  );
}

const PASSWORD = 'r'.repeat(24);
/** What the README puts into the Secret. */
const SECRETS: Readonly<Record<string, string>> = {
  API_KEYS: SETTINGS.API_KEYS,
  REDIS_PASSWORD: PASSWORD,
  REDIS_URL: `redis://:${PASSWORD}@redis.waggle:6379`,
};

/** The pods of the overlay for the CPU, as a node would run them, by the names of their workloads. */
export function podLaunches(prefix: string): Record<string, Launch & { container: IContainer }> {
  const all = renderKustomization('overlays/cpu');
  return Object.fromEntries(
    workloadsIn(all).map((workload) => {
      const { name } = workload.metadata;
      const pod = workload.spec.template.spec;
      const container = containerOf(workload);
      const env = environmentOf(container, all);
      const security = container.securityContext;
      const mounts = (container.volumeMounts ?? []).flatMap(({ name: volume, mountPath }) => {
        const { emptyDir } = pod?.volumes?.find((one) => one.name === volume) ?? {};
        return emptyDir
          ? ['--tmpfs', `${mountPath}:size=${String(emptyDir.sizeLimit).replace('Mi', 'm')}`]
          : ['--volume', `${prefix}-${volume}:${mountPath}`];
      });
      const flags = [
        `--user=${pod?.securityContext?.runAsUser}:${pod?.securityContext?.runAsGroup}`,
        ...(security?.readOnlyRootFilesystem === true ? ['--read-only'] : []),
        ...(security?.allowPrivilegeEscalation === false ? ['--security-opt', 'no-new-privileges'] : []),
        ...(security?.capabilities?.drop ?? []).flatMap((capability) => ['--cap-drop', capability]),
        `--memory=${String(container.resources?.limits?.['memory']).replace('i', '').toLowerCase()}`,
        ...mounts,
      ];
      const [entry, ...args] = container.command ?? [];
      const launch = {
        alias: `${name}.waggle`,
        image: imageName((container.image ?? '').replace('registry.example.com/', '')),
        command: args.map((arg) => fill(arg, env)),
        env,
        flags: entry === undefined ? flags : [...flags, '--entrypoint', entry],
        networks: [`${prefix}-pods`],
        graceS: pod?.terminationGracePeriodSeconds ?? 30,
        ...(container.lifecycle?.preStop?.exec?.command
          ? { preStop: container.lifecycle.preStop.exec.command }
          : {}),
        container,
      };
      return [name, launch];
    }),
  );
}

/** The variables of a container: those of ConfigMaps, and over them its own. */
function environmentOf(
  { env = [], envFrom = [] }: IContainer,
  all: readonly Manifest[],
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { configMapRef } of envFrom) {
    Object.assign(values, manifestOf(all, 'ConfigMap', configMapRef?.name ?? '').data);
  }
  for (const { name, value, valueFrom } of env) {
    values[name] = fill(value ?? SECRETS[valueFrom?.secretKeyRef?.key ?? ''] ?? '', values);
  }
  return values;
}

const fill = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\$\((\w+)\)/g, (_, name: string) => values[name] ?? '');

import { basename } from 'node:path';
import { loadProject, type Project, type Service } from './compose-files.js';
import { imageEnv } from './dockerfile.js';

/** What has to stand in .env beside the defaults of .env.example. */
export const SETTINGS = { API_KEYS: `shop:${'s'.repeat(32)}`, GRAFANA_PASSWORD: 'secret' };

export const CPU = ['compose.yaml', 'compose.cpu.yaml'];
export const GPU = ['compose.yaml', 'compose.gpu.yaml'];
export const OBSERVABILITY = 'compose.observability.yaml';

/** The combinations that the README of the folder tells to use. */
export const COMBINATIONS: Readonly<Record<string, readonly string[]>> = {
  cpu: [...CPU, OBSERVABILITY],
  gpu: [...GPU, OBSERVABILITY],
  cluster: [...CPU, 'compose.redis-cluster.yaml', OBSERVABILITY],
  development: [...CPU, 'compose.dev.yaml', OBSERVABILITY],
};

/** Each combination, loaded. */
export const projects = (): [string, Project][] =>
  Object.entries(COMBINATIONS).map(([name, files]) => [name, loadProject(files, SETTINGS)]);

/** The services of all combinations whose `name (combination)` matches, by that name. */
export const servicesLike = (pattern: RegExp): [string, Service][] =>
  projects()
    .flatMap(([combination, { services }]) =>
      Object.entries(services).map(([name, service]): [string, Service] => [
        `${name} (${combination})`,
        service,
      ]),
    )
    .filter(([name]) => pattern.test(name));

export const dockerfileOf = (service: Service): string => basename(service.build?.dockerfile ?? '');

/** What a process of the service sees: what the image sets, and over it what the service sets. */
export const environmentOf = (service: Service): Record<string, string> => ({
  ...(service.build?.target === undefined ? imageEnv(dockerfileOf(service)) : {}),
  ...Object.fromEntries(
    Object.entries(service.environment).map(([name, value]) => [name, String(value ?? '')]),
  ),
});

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readApiConfig } from '../../api/config.js';
import { readWorkerConfig } from '../../worker/config.js';
import {
  CPU,
  dockerfileOf,
  environmentOf,
  GPU,
  OBSERVABILITY,
  projects,
  servicesLike,
  SETTINGS,
} from '../support/deployment/combinations.js';
import { COMPOSE, loadProject } from '../support/deployment/compose-files.js';
import { commandOf, finalStage, imageEnv, stepsOf } from '../support/deployment/dockerfile.js';

const read = (file: string): string => readFileSync(join(COMPOSE, file), 'utf8');
const { version } = JSON.parse(read('../package.json')) as { version: string };
const services = servicesLike(/./);

describe('every container', () => {
  it.each(services)('runs without root, on a root file system that it cannot write: %s', (_, service) => {
    expect(service).toMatchObject({ init: true, read_only: true, cap_drop: ['ALL'] });
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    const user = service.user ?? stepsOf(finalStage(dockerfileOf(service)), 'USER')[0]?.text;
    expect(user).toMatch(/^[1-9]\d*:\d+$/);
  });

  it.each(services)('has limits: %s', (_, service) => {
    expect(Object.keys(service.deploy.resources.limits).toSorted()).toEqual(['cpus', 'memory', 'pids']);
  });

  it.each(services)('is an exact version: %s', (_, service) => {
    expect(service.image).toMatch(/:v?\d+\.\d+\.\d+(-\w+)?$/);
    expect(service.image.startsWith('waggle-') && !service.image.endsWith(`:${version}`)).toBe(false);
  });

  it.each(services)('is built and mounted from what exists: %s', (_, service) => {
    expect(service.build !== undefined).toBe(service.image.startsWith('waggle-'));
    const { context = '', dockerfile = '' } = service.build ?? {};
    expect(existsSync(join(COMPOSE, context, dockerfile))).toBe(true);
    const sources = (service.volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
    const files = sources.filter((source) => source.startsWith('.'));
    expect(files.filter((file) => !existsSync(join(COMPOSE, file)))).toEqual([]);
  });

  it.each(projects())('writes to volumes that exist: %s', (_, { services: all, volumes }) => {
    const named = Object.values(all)
      .flatMap((service) => service.volumes ?? [])
      .flatMap((volume) => (volume.startsWith('.') ? [] : [volume.split(':')[0] ?? '']));
    expect([...new Set(named)].toSorted()).toEqual(Object.keys(volumes).toSorted());
  });

  it.each(servicesLike(/^(api|worker)/))('has longer to stop than the process takes: %s', (_, service) => {
    const { graceMs } = readWorkerConfig({}, false);
    expect(Number.parseInt(service.stop_grace_period ?? '0', 10) * 1_000).toBeGreaterThan(graceMs + 3_000);
  });
});

describe('the network', () => {
  it.each(services)('publishes on this machine alone: %s', (_, service) => {
    expect((service.ports ?? []).filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it.each(projects())(
    'leaves Redis to api, worker and what observes: %s',
    (_, { services: all, networks }) => {
      expect(networks['backend']).toEqual({ internal: true });
      expect(all['redis']?.ports).toBeUndefined();
      expect(Object.keys(all['redis']?.networks ?? {})).toEqual(['backend']);
      const beside = Object.keys(all).filter((name) => 'backend' in (all[name]?.networks ?? {}));
      expect(beside.filter((name) => !/^(redis|api|worker|prometheus)/.test(name))).toEqual([]);
    },
  );

  it.each(servicesLike(/^api \((cpu|gpu)/))(
    'carries one port from outside to the process: %s',
    (_, service) => {
      const stage = finalStage(dockerfileOf(service));
      const { listen } = readApiConfig({ ...environmentOf(service), ...SETTINGS }, false);
      expect(listen).toEqual({ host: '0.0.0.0', port: 8182, isLoopbackOnly: false });
      expect(service.ports).toEqual([`127.0.0.1:8182:${listen.port}`]);
      expect(stepsOf(stage, 'EXPOSE')[0]?.text).toBe(String(listen.port));
      expect(commandOf(stage, 'HEALTHCHECK')[2]).toBe(String(listen.port));
    },
  );

  it.each(servicesLike(/^worker\S* \((cpu|gpu)/))(
    'has the port of the worker for metrics: %s',
    (_, service) => {
      const stage = finalStage(dockerfileOf(service));
      const { metrics } = readWorkerConfig(environmentOf(service), false);
      expect(metrics).toEqual({ host: '0.0.0.0', port: 9464 });
      expect(stepsOf(stage, 'EXPOSE')[0]?.text).toBe(String(metrics?.port));
      expect(commandOf(stage, 'HEALTHCHECK')[2]).toBe(String(metrics?.port));
    },
  );
});

describe('workers on GPUs', () => {
  const { services: all, volumes } = loadProject(GPU, SETTINGS);
  const workers = Object.entries(all).filter(([name]) => name.startsWith('worker'));

  it('have a GPU each, by the NVIDIA runtime, and a cache of compiled kernels', () => {
    const devices = workers.map(([, { environment }]) => environment['NVIDIA_VISIBLE_DEVICES']);
    expect(devices).toEqual(workers.map((_, i) => String(i)));
    for (const [, { runtime, environment, volumes: mounts }] of workers) {
      expect({ runtime, engine: environment['TF_ENGINE'] }).toEqual({ runtime: 'nvidia', engine: 'gpu' });
      expect(mounts).toEqual([`cuda-cache:${imageEnv('worker-gpu.Dockerfile')['CUDA_CACHE_PATH']}`]);
    }
    expect(Object.keys(volumes)).toContain('cuda-cache');
  });

  it('answer to one name, and only the first starts unasked', () => {
    expect(workers.map(([, { networks }]) => networks['backend']?.aliases)).toEqual(
      workers.map(() => ['worker']),
    );
    expect(workers.map(([, { profiles }]) => profiles?.length ?? 0)).toEqual([0, 1]);
  });
});

describe('observability', () => {
  const { services: all } = loadProject([...CPU, OBSERVABILITY], SETTINGS);

  it('asks every container of the API and of the workers, at their ports', () => {
    const config = parse(read('prometheus/prometheus.compose.yml')) as {
      rule_files: string[];
      scrape_configs: {
        job_name: string;
        dns_sd_configs: { names: string[]; type: string; port: number }[];
      }[];
    };
    const asked = config.scrape_configs.flatMap(({ dns_sd_configs: found }) => found);
    expect(asked.map(({ names, type, port }) => ({ names, type, port }))).toEqual([
      { names: ['api'], type: 'A', port: Number(imageEnv('api.Dockerfile')['PORT']) },
      { names: ['worker'], type: 'A', port: Number(imageEnv('worker.Dockerfile')['WORKER_METRICS_PORT']) },
    ]);
    expect(asked.flatMap(({ names }) => names).filter((name) => !(name in all))).toEqual([]);
    const alone = parse(read('prometheus/prometheus.yml')) as typeof config;
    expect(config.rule_files).toEqual(alone.rule_files);
    expect(config.scrape_configs.map(({ job_name: job }) => job)).toEqual(
      alone.scrape_configs.map(({ job_name: job }) => job),
    );
  });

  it('shows the dashboard from a source that is there', () => {
    const { datasources } = parse(read('grafana/provisioning/datasources/prometheus.yaml')) as {
      datasources: { type: string; url: string }[];
    };
    expect(datasources).toMatchObject([{ type: 'prometheus', url: 'http://prometheus:9090' }]);
    const { providers } = parse(read('grafana/provisioning/dashboards/waggle.yaml')) as {
      providers: { options: { path: string } }[];
    };
    const [folder] = providers.map(({ options }) => options.path);
    expect(all['grafana']?.volumes).toContain(`./grafana/dashboard.json:${folder}/waggle.json:ro`);
    expect(all['grafana']?.volumes).toContain('./grafana/provisioning:/etc/grafana/provisioning:ro');
  });
});

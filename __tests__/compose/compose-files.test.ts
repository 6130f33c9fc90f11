import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { readApiConfig } from '../../api/config.js';
import { readWorkerConfig } from '../../worker/config.js';
import {
  COMBINATIONS,
  CPU,
  environmentOf,
  OBSERVABILITY,
  servicesLike,
  SETTINGS,
} from '../support/deployment/combinations.js';
import {
  COMPOSE,
  composeFileNames,
  loadProject,
  readComposeFile,
  type Service,
  variablesInterpolated,
} from '../support/deployment/compose-files.js';
import { valuesOf, variablesRead } from '../support/variables.js';

const read = (file: string): string => readFileSync(join(COMPOSE, file), 'utf8');

describe('each file', () => {
  // The Compose specification's schema, in the copy of a linter that is kept up to date.
  const { $schema: _, ...schema } = JSON.parse(
    readFileSync(join(COMPOSE, '../node_modules/dclint/schemas/compose.schema.json'), 'utf8'),
  ) as Record<string, unknown>;
  // Of its formats only Compose knows what they are.
  const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);

  it.each(composeFileNames())('%s is what the Compose specification allows', (file) => {
    validate(readComposeFile(file));
    expect(validate.errors ?? []).toEqual([]);
  });

  it('would be refused with a key that does not exist', () => {
    expect(validate({ services: { api: { image: 'a', read_onyl: true } } })).toBe(false);
  });

  it.each(composeFileNames())('%s stands in a combination that is tried here, and in the README', (file) => {
    expect(Object.values(COMBINATIONS).some((files) => files.includes(file))).toBe(true);
    expect(read('README.md')).toContain(file);
  });
});

describe('variables', () => {
  it('are taken from those of .env.example, and from no others', () => {
    const documented = Object.keys(valuesOf(read('../.env.example')));
    expect(variablesInterpolated().filter((name) => !documented.includes(name))).toEqual([]);
  });

  // PORT and the like are fixed by the image, the rest is handed through: none is missing, and none is unknown.
  const OF_NODE = ['NODE_ENV'];
  const OF_NVIDIA = ['NVIDIA_VISIBLE_DEVICES', 'CUDA_CACHE_PATH', 'CUDA_CACHE_MAXSIZE'];
  const others = new Set([...OF_NODE, ...OF_NVIDIA]);
  const named = (service: Service): string[] =>
    Object.keys(environmentOf(service)).filter((name) => !others.has(name));

  it.each(servicesLike(/^api \((cpu|gpu)\)/))('reach the API, all that it reads: %s', (_, service) => {
    expect(named(service).toSorted()).toEqual([...variablesRead('api')].toSorted());
  });

  it.each(servicesLike(/^worker\S* \((cpu|gpu)\)/))(
    'reach the worker, all that it reads: %s',
    (_, service) => {
      expect(named(service).toSorted()).toEqual([...variablesRead('worker')].toSorted());
    },
  );

  it.each(servicesLike(/^(api|worker)/))(
    'are ones that the process knows, with values that it takes: %s',
    (name, service) => {
      const env = { ...environmentOf(service), ...(name.startsWith('api') ? SETTINGS : {}) };
      const config = name.startsWith('api') ? readApiConfig(env, false) : readWorkerConfig(env, false);
      expect(config.graceMs).toBe(10_000);
      const known = variablesRead(name.startsWith('api') ? 'api' : 'worker');
      expect(named(service).filter((variable) => !known.has(variable))).toEqual([]);
    },
  );

  it('that .env.example leaves as they are make a whole project', () => {
    const defaults = valuesOf(read('../.env.example'));
    const { api, redis } = loadProject(CPU, { ...defaults, ...SETTINGS }).services;
    expect(api?.ports).toEqual(['127.0.0.1:8182:8182']);
    expect(redis?.command).toContain('everysec');
  });

  it('stop everything where nobody was said to be allowed to call', () => {
    expect(() => loadProject(CPU, {})).toThrow('set API_KEYS=name:secret in .env, or AUTH=none');
    expect(() => loadProject(CPU, { AUTH: 'none' })).not.toThrow();
    expect(() => loadProject(CPU, { API_KEYS_FILE: '/keys' })).not.toThrow();
    expect(() => loadProject([...CPU, OBSERVABILITY], { AUTH: 'none' })).toThrow('GRAFANA_PASSWORD');
  });
});

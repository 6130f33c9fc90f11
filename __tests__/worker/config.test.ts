import { ConfigError } from '../../shared/errors.js';
import { readWorkerConfig } from '../../worker/config.js';

it('has the defaults that docs/operating.md promises', () => {
  expect(readWorkerConfig({}, false)).toEqual({
    redis: { kind: 'host', host: '127.0.0.1', port: 6379, tls: false, database: 0 },
    keyPrefix: '',
    partitions: 1,
    modelsDir: 'model',
    modelsSource: expect.anything(),
    models: undefined,
    engine: 'auto',
    gpuMemoryMb: undefined,
    maxBatch: 64,
    leaseMs: 15_000,
    maxResultBytes: 1_048_576,
    metrics: undefined,
    graceMs: 10_000,
    tracing: undefined,
    log: { level: 'info', dir: undefined, pretty: false },
  });
});

it('reads names of models and a cap on GPU memory', () => {
  const config = readWorkerConfig({ MODELS: 'a, b', GPU_MEMORY_MB: '2048' }, true);
  expect(config.models).toEqual(['a', 'b']);
  expect(config.gpuMemoryMb).toBe(2048);
  expect(config.log.pretty).toBe(true);
});

it('names every bad variable at once', () => {
  const bad = {
    TF_ENGINE: 'cuda',
    MAX_BATCH: '0',
    LEASE_MS: 'soon',
    REDIS_URL: 'http://x',
    GPU_MEMORY_MB: '-1',
  };
  const read = (): unknown => readWorkerConfig(bad, false);
  expect(read).toThrow(ConfigError);
  for (const name of Object.keys(bad)) expect(read).toThrow(name);
});

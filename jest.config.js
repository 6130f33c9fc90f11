import { availableParallelism } from 'node:os';

// Sources are ES modules; Jest runs them as CommonJS through swc, so no experimental flag is needed.
// Packages that ship ES modules only have to pass the same transform.
const esmOnly = [
  'hyparquet',
  'hyparquet-compressors',
  'hyparquet-writer',
  'hysnappy',
  'uuid',
  'csv-parse',
  // CommonJS with an import() in it.
  '@opentelemetry/otlp-exporter-base',
].join('|');

// Packages that keep nothing from one test file to the next are loaded once for all files of a process.
const sharedByFiles = [
  '@kubernetes-models',
  '@streamparser/json',
  'ajv',
  'ajv-formats',
  'bee-queue',
  'cli-progress',
  'commander',
  'cors',
  'dockerfile-ast',
  'dockerfile-utils',
  'express',
  'express-rate-limit',
  'fast-check',
  'helmet',
  'kubernetes-models',
  'playwright-core',
  'prom-client',
  'rate-limit-redis',
  'redis',
  'sharp',
  'supertest',
  'winston',
  'winston-daily-rotate-file',
  'winston-transport',
  'yaml',
].join('|');

export default {
  testEnvironment: '<rootDir>/__tests__/support/jest/own-realm.cjs',
  // Much of a run is waiting for processes and for time: with one worker a core, 2 cores are busy for 70 % of it (321 s), and with
  // three for 85 % (277 s).
  maxWorkers: Math.ceil(1.5 * availableParallelism()),
  // Only bounds what hangs: on a machine that is busy with other things everything takes several times as long.
  testTimeout: 120_000,
  roots: ['<rootDir>/__tests__'],
  testMatch: ['**/*.test.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly}|${sharedByFiles})/)`],
  transform: {
    [`/node_modules/(${sharedByFiles})/.+\\.c?js$`]:
      '<rootDir>/__tests__/support/jest/package-of-process.cjs',
    '^.+\\.(t|j|mj)s$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
};

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { interpolate } from './interpolate.js';

/** The folder of the deployments. */
export const COMPOSE = resolve(__dirname, '../../../compose');

/** A service as it is run, as far as the tests look at it. */
export interface Service {
  image: string;
  build?: { context: string; dockerfile: string; target?: string };
  command?: string[];
  user?: string;
  environment: Record<string, string | number | null>;
  ports?: string[];
  volumes?: string[];
  networks: Record<string, { aliases?: string[] } | null>;
  init: boolean;
  read_only: boolean;
  cap_drop: string[];
  security_opt: string[];
  restart: string;
  tmpfs?: string[];
  runtime?: string;
  profiles?: string[];
  stop_grace_period?: string;
  healthcheck?: { test: string[] };
  deploy: { replicas?: number | string; resources: { limits: Record<string, string | number> } };
}

/** What several compose files make together. */
export interface Project {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean } | null>;
  volumes: Record<string, unknown>;
}

type Mapping = Record<string, unknown>;

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const read = (file: string): string => readFileSync(join(COMPOSE, file), 'utf8');

/** Every compose file of the folder. */
export const composeFileNames = (): string[] =>
  readdirSync(COMPOSE).filter((name) => /^compose(\.[\w-]+)?\.yaml$/.test(name));

/** One file, with anchors and merge keys resolved. */
export const readComposeFile = (file: string): Mapping => parse(read(file), { merge: true }) as Mapping;

/** The variables that compose files take values from by `${...}`. */
export const variablesInterpolated = (): string[] => [
  ...new Set(
    composeFileNames()
      .flatMap((file) => Array.from(read(file).matchAll(/\$\{([A-Z][A-Z0-9_]*)/g)))
      .map(([, name = '']) => name),
  ),
];

/**
 * What `docker compose -f <file> -f <file> ... config` would make of these files, for the keys that they use: variables
 * first, file by file, then `extends`, then each file over the ones before. Throws where a required variable is unset.
 */
export function loadProject(
  files: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Project {
  const load = (file: string): Mapping => {
    const document = interpolate(readComposeFile(file), env) as { services: Record<string, Mapping> };
    for (const [name, service] of Object.entries(document.services)) {
      const { extends: from, ...own } = service as { extends?: { file: string; service: string } };
      if (!from) continue;
      const base = (load(from.file) as { services: Record<string, Mapping> }).services[from.service];
      if (!base) {
        throw new Error(`${file}: ${name} extends ${from.service}, which ${from.file} does not have`);
      }
      document.services[name] = merge(base, own);
    }
    return document;
  };
  return files.map(load).reduce((project, over) => merge(project, over), {}) as unknown as Project;
}

/** These replace what stands below them; other lists grow. */
const REPLACED = new Set(['command', 'test', 'cap_drop']);

function merge(below: Mapping, above: Mapping): Mapping {
  const merged = { ...below };
  for (const [key, written] of Object.entries(above)) {
    const value = key === 'networks' && Array.isArray(written) ? namesOf(written) : written;
    const old = merged[key];
    if (isMapping(old) && isMapping(value)) merged[key] = merge(old, value);
    else if (isMapping(value)) merged[key] = merge({}, value);
    else if (Array.isArray(old) && Array.isArray(value) && !REPLACED.has(key)) {
      const places = new Set(key === 'volumes' ? value.map(placeOf) : []);
      merged[key] = [...new Set<unknown>([...old.filter((one) => !places.has(placeOf(one))), ...value])];
    } else merged[key] = value;
  }
  return merged;
}

/** Where in the container a volume is mounted: there the one that is written above replaces the other. */
const placeOf = (volume: unknown): string => String(volume).split(':')[1] ?? '';

/** `networks: [a, b]` says the same as a mapping of them to nothing. */
const namesOf = (names: unknown[]): Mapping => Object.fromEntries(names.map((name) => [String(name), null]));

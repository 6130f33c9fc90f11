import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { valuesOf } from '../variables.js';
import { COMPOSE } from './compose-files.js';

/** The folder of the manifests. */
export const KUBERNETES = join(COMPOSE, 'kubernetes');

/** A Kubernetes object, as far as all kinds are alike. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  spec?: unknown;
  data?: Record<string, string>;
}

/** What of kustomize is used here. Any other member is refused, so that nothing is left out without a word. */
interface Kustomization {
  apiVersion: string;
  kind: string;
  namespace?: string;
  resources?: string[];
  components?: string[];
  configMapGenerator?: { name: string; envs: string[] }[];
  patches?: { path?: string; patch?: string; target?: { kind: string } }[];
  nameSuffix?: string;
  labels?: { pairs: Record<string, string>; includeSelectors: true; fields: unknown }[];
  images?: { name: string; newName?: string; newTag: string }[];
}

const KNOWN = new Set([
  'apiVersion',
  'kind',
  'namespace',
  'resources',
  'components',
  'configMapGenerator',
  'patches',
  'nameSuffix',
  'labels',
  'images',
]);

type Mapping = Record<string, unknown>;
type Patch = Manifest & { $patch?: 'delete' };
/** An operation of a JSON Patch. */
interface Step {
  op: 'add' | 'replace';
  path: string;
  value: unknown;
}

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const read = (folder: string, file: string): string => readFileSync(join(KUBERNETES, folder, file), 'utf8');

/** Reads a file of manifests, one document each. */
export const readManifests = (folder: string, file: string): Manifest[] =>
  parseAllDocuments(read(folder, file)).map((document) => document.toJS() as Manifest);

/**
 * What `kubectl kustomize <folder>` would print, for what the kustomizations of this repository use of it. The hash in
 * the name of a generated ConfigMap is left out. Throws where a file is missing or a patch has nothing to change.
 * `below` is what a component changes.
 */
export function renderKustomization(folder: string, below: readonly Manifest[] = []): Manifest[] {
  const kustomization = parse(read(folder, 'kustomization.yaml')) as Kustomization;
  const unknown = Object.keys(kustomization).filter((key) => !KNOWN.has(key));
  if (unknown.length > 0) throw new Error(`${folder}: ${unknown.join(', ')} is not read here`);
  let all = (kustomization.resources ?? []).flatMap((resource) =>
    resource.endsWith('.yaml')
      ? readManifests(folder, resource)
      : renderKustomization(join(folder, resource)),
  );
  all.unshift(...below);
  for (const component of kustomization.components ?? []) {
    all = renderKustomization(join(folder, component), all);
  }
  for (const { name, envs } of kustomization.configMapGenerator ?? []) {
    const data = valuesOf(envs.map((file) => read(folder, file)).join('\n'));
    all.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
  }
  for (const { path, patch: text = read(folder, path ?? ''), target } of kustomization.patches ?? []) {
    const patch = parse(text) as Patch | Step[];
    const where = `${folder}/${path ?? ''}`;
    if (Array.isArray(patch)) {
      for (const one of all.filter(({ kind }) => kind === target?.kind)) {
        for (const step of patch) take(step, one, where);
      }
    } else all = applyPatch(all, patch, where);
  }
  for (const { metadata } of all) metadata.name += kustomization.nameSuffix ?? '';
  for (const { pairs } of kustomization.labels ?? []) for (const one of all) label(one, pairs);
  for (const image of kustomization.images ?? []) setImage(all, image);
  const { namespace } = kustomization;
  if (namespace === undefined) return all;
  for (const { kind, metadata } of all) if (kind !== 'Namespace') metadata.namespace = namespace;
  return all;
}

function applyPatch(all: readonly Manifest[], patch: Patch, where: string): Manifest[] {
  const at = all.findIndex(
    ({ apiVersion, kind, metadata }) =>
      apiVersion === patch.apiVersion && kind === patch.kind && metadata.name === patch.metadata.name,
  );
  const target = all[at];
  if (!target) throw new Error(`${where}: there is no ${patch.kind} ${patch.metadata.name} to change`);
  if (patch.$patch === 'delete') return all.toSpliced(at, 1);
  return all.with(at, merge({ ...target }, { ...patch }) as unknown as Manifest);
}

/** By which member the items of a list are told apart; other lists are replaced whole. */
const KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
};

function merge(below: Mapping, above: Mapping): Mapping {
  const merged = { ...below };
  for (const [name, value] of Object.entries(above)) {
    const old = merged[name];
    const key = KEYS[name];
    if (isMapping(old) && isMapping(value)) merged[name] = merge(old, value);
    else if (key !== undefined && Array.isArray(old) && Array.isArray(value)) {
      merged[name] = mergeLists(old as Mapping[], value as Mapping[], key);
    } else merged[name] = value;
  }
  return merged;
}

function mergeLists(below: readonly Mapping[], above: readonly Mapping[], key: string): Mapping[] {
  const changed = below.map((item) => merge(item, above.find((one) => one[key] === item[key]) ?? {}));
  return [...changed, ...above.filter((one) => below.every((item) => item[key] !== one[key]))];
}

function take({ op, path, value }: Step, manifest: Manifest, where: string): void {
  const keys = path.split('/').slice(1);
  const last = keys.pop() ?? '';
  const parent = keys.reduce<unknown>((item, key) => (item as Mapping)[key], manifest) as Mapping | unknown[];
  if (op === 'add' && last === '-' && Array.isArray(parent)) parent.push(value);
  else if (op === 'replace' && isMapping(parent) && last in parent) parent[last] = value;
  else throw new Error(`${where}: there is no ${path} to ${op}`);
}

/** Adds labels to an object, to what it selects and to its pods, as `includeSelectors` does. */
function label({ metadata, spec }: Manifest, pairs: Readonly<Record<string, string>>): void {
  metadata.labels = { ...metadata.labels, ...pairs };
  const { selector, template } = spec as { selector?: { matchLabels: object }; template?: Manifest };
  if (selector) Object.assign(selector.matchLabels, pairs);
  if (template) Object.assign(template.metadata.labels ?? {}, pairs);
}

function setImage(value: unknown, image: { name: string; newName?: string; newTag: string }): void {
  const visit = (item: unknown): void => {
    if (Array.isArray(item)) item.forEach(visit);
    if (!isMapping(item)) return;
    if (item['image'] === image.name) {
      item['image'] = `${image.newName ?? image.name}:${image.newTag}`;
    }
    Object.values(item).forEach(visit);
  };
  visit(value);
}

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const readJson = (file: string): unknown => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));

type Versions = Record<string, string>;

interface Manifest {
  workspaces?: string[];
  dependencies?: Versions;
  devDependencies?: Versions;
  optionalDependencies?: Versions;
  peerDependencies?: Versions;
  scripts?: Record<string, string>;
  /** A version everywhere, or versions below one package. */
  overrides?: Record<string, string | Versions>;
  allowScripts?: Record<string, boolean>;
}

interface LockEntry {
  version?: string;
  name?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  hasInstallScript?: boolean;
}

const root = readJson('package.json') as Manifest;
const folders = ['.', ...(root.workspaces ?? [])];
const manifests = folders.map((folder) => ({
  folder,
  manifest: readJson(join(folder, 'package.json')) as Manifest,
}));
const { packages: lock } = readJson('package-lock.json') as { packages: Record<string, LockEntry> };

/** What comes from the registry: the rest of the lockfile are our own folders and the links to them. */
const packages = Object.entries(lock).flatMap(([path, entry]) => {
  const at = path.lastIndexOf('node_modules/');
  if (at < 0 || entry.link) return [];
  return [{ ...entry, path, name: entry.name ?? path.slice(at + 'node_modules/'.length) }];
});

/** The version that a package gets when `from` asks for it. */
const resolvedFrom = (from: string, name: string): string | undefined =>
  (lock[`node_modules/${from}/node_modules/${name}`] ?? lock[`node_modules/${name}`])?.version;

const isAtLeast = (version: string, least: string): boolean =>
  version.localeCompare(least, 'en', { numeric: true }) >= 0;

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

describe('the lockfile', () => {
  it('has every package, by its hash and without the address of a registry', () => {
    expect(packages.length).toBeGreaterThan(500);
    const loose = packages.filter(
      ({ version, integrity }) => !integrity?.startsWith('sha512-') || !EXACT.test(version ?? ''),
    );
    expect(loose.map(({ path }) => path)).toEqual([]);
    expect(packages.filter(({ resolved }) => resolved !== undefined)).toEqual([]);
    const links = Object.values(lock).flatMap(({ link, resolved }) => (link ? [resolved ?? ''] : []));
    expect(links.toSorted()).toEqual(root.workspaces?.toSorted());
    expect(readFileSync(join(ROOT, '.npmrc'), 'utf8')).toMatch(/^omit-lockfile-registry-resolved=true$/m);
  });

  it('of what the benchmark compares with is as strict', () => {
    const folder = 'scripts/bench/peers';
    const own = readJson(join(folder, 'package-lock.json')) as { packages: Record<string, LockEntry> };
    const entries = Object.entries(own.packages).filter(([path]) => path !== '');
    expect(entries.length).toBeGreaterThan(20);
    const loose = entries.filter(
      ([, { version, integrity, resolved }]) =>
        !integrity?.startsWith('sha512-') || !EXACT.test(version ?? '') || resolved !== undefined,
    );
    expect(loose.map(([path]) => path)).toEqual([]);
    const asked = (readJson(join(folder, 'package.json')) as Manifest).dependencies ?? {};
    expect(Object.values(asked).filter((version) => !EXACT.test(version))).toEqual([]);
  });

  it('is the only one of the workspaces', () => {
    const others = folders.flatMap((folder) =>
      ['package-lock.json', 'npm-shrinkwrap.json', 'yarn.lock', 'pnpm-lock.yaml']
        .map((name) => join(folder, name))
        .filter((file) => existsSync(join(ROOT, file))),
    );
    expect(others).toEqual(['package-lock.json']);
  });
});

it.each(manifests)('$folder asks for exact versions, and gets them', ({ manifest }) => {
  const asked = Object.entries({
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
    ...manifest.devDependencies,
    ...manifest.dependencies,
  }).filter(([name]) => !name.startsWith('@waggle/'));
  expect(asked.filter(([, version]) => !EXACT.test(version))).toEqual([]);
  const otherwise = asked.filter(([name, version]) => lock[`node_modules/${name}`]?.version !== version);
  expect(otherwise).toEqual([]);
});

describe('overrides', () => {
  const overrides = Object.entries(root.overrides ?? {});
  const nested = overrides.flatMap(([from, what]) =>
    typeof what === 'string' ? [] : Object.entries(what).map(([name, version]) => ({ from, name, version })),
  );

  it('stand for what the native TensorFlow packages would bring', () => {
    const expected = ['@mapbox/node-pre-gyp', 'https-proxy-agent', 'rimraf', 'tar'];
    for (const from of ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu']) {
      const names = nested.filter((override) => override.from === from).map(({ name }) => name);
      expect(names.toSorted()).toEqual(expected);
    }
  });

  it('are exact, and are what the lockfile has', () => {
    const everywhere = overrides.flatMap(([name, what]) =>
      typeof what === 'string' ? [{ name, version: what }] : [],
    );
    const otherwise = packages.filter((one) =>
      everywhere.some(({ name, version }) => one.name === name && one.version !== version),
    );
    expect(otherwise.map(({ path, version }) => `${path} ${version}`)).toEqual([]);
    expect(nested.map(({ from, name }) => resolvedFrom(from, name))).toEqual(
      nested.map(({ version }) => version),
    );
  });

  it('leave no older copy anywhere', () => {
    const older = packages.filter((one) =>
      nested.some(({ name, version }) => one.name === name && !isAtLeast(one.version ?? '0', version)),
    );
    expect(older.map(({ path, version }) => `${path} ${version}`)).toEqual([]);
    // Below these, archives can write outside of their folder, and a client in monitor mode can be made to hang.
    const least = { tar: '7.5.16', redis: '3.1.1' };
    for (const [name, version] of Object.entries(least)) {
      const copies = packages.filter((one) => one.name === name);
      expect(copies.length).toBeGreaterThan(0);
      expect(copies.filter((one) => !isAtLeast(one.version ?? '0', version))).toEqual([]);
    }
  });
});

describe('install scripts', () => {
  /** Without these there is no library to load; all others work from what their packages bring. */
  const NEEDED = ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu', 'webgpu'];

  it('run for three packages, and every other one that has some is named as denied', () => {
    const allowed = root.allowScripts ?? {};
    expect(
      Object.keys(allowed)
        .filter((name) => allowed[name])
        .toSorted(),
    ).toEqual(NEEDED);
    const undecided = packages.filter((one) => one.hasInstallScript && allowed[one.name] === undefined);
    expect(undecided.map(({ path }) => path)).toEqual([]);
  });

  it('are none of our own', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare'];
    const own = manifests.flatMap(({ folder, manifest }) =>
      hooks.filter((hook) => manifest.scripts?.[hook] !== undefined).map((hook) => `${folder}: ${hook}`),
    );
    expect(own).toEqual([]);
  });
});

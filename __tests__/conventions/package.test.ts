import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { npmCommand } from '../../scripts/setup/install.mjs';
import { importNames } from './import-names.js';

const ROOT = resolve(__dirname, '../..');

/** What people and other programs start, and what those start. */
const STARTED = [
  'scripts/start.mjs',
  'scripts/waggle.mjs',
  'dist/scripts/cli.js',
  'dist/scripts/up/up.js',
  'dist/api/main.js',
  'dist/worker/main.js',
  'dist/worker/inference/child/main.js',
  'dist/worker/inference/child/parent-watch-thread.js',
];

/** What may be in it. */
const KINDS = [
  /^[\w.-]+\.(md|json)$/,
  /^LICENSE$/,
  /^\.env\.example$/,
  /^dist\/(api|shared|worker|scripts)\/.+\.(m?js|lua|html|css|svg|sh)$/,
  /^scripts\/((start|waggle)|setup\/[\w-]+)\.mjs$/,
  /^(api|shared|worker|worker\/native|worker\/onnx|worker\/images|scripts)\/package\.json$/,
  /^(model|compose|docs)\//,
];

interface Packed {
  files: { path: string }[];
  unpackedSize: number;
}

/** Every file that `npm pack` would take; without the lockfile, which it puts there only then. */
function pack(): Packed {
  const npm = npmCommand(process.env['npm_execpath']);
  const args = [...npm.args, 'pack', '--dry-run', '--json', '--ignore-scripts'];
  const printed = execFileSync(npm.command, args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });
  const [packed] = JSON.parse(printed) as Packed[];
  if (!packed) throw new Error(`npm pack said nothing: ${printed}`);
  return packed;
}

const packed = pack();
const files = packed.files.map(({ path }) => path).toSorted();

/** Every file that the programs reach by imports, and every package. */
function reached(): { files: string[]; packages: string[] } {
  const found = new Set(STARTED);
  const packages = new Set<string>();
  for (const file of found) {
    for (const name of importNames(readFileSync(join(ROOT, file), 'utf8'))) {
      if (name.startsWith('.')) found.add(relative(ROOT, resolve(ROOT, file, '..', name)));
      else if (!name.startsWith('node:') && !builtinModules.includes(name)) {
        packages.add(name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
      }
    }
  }
  return { files: [...found], packages: [...packages] };
}

it('holds every file that the programs import, and what they read beside them', () => {
  const needed = reached().files;
  expect(needed.length).toBeGreaterThan(200);
  expect(needed.filter((file) => !files.includes(file))).toEqual([]);
  const beside = readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(lua|html|css|svg|sh)$/.test(name))
    .map((name) => join('dist', name));
  expect(beside.length).toBeGreaterThan(30);
  expect(beside.filter((file) => !files.includes(file))).toEqual([]);
  for (const manifest of ['trip-duration', 'trip-duration-linear'].map(
    (name) => `model/${name}/manifest.json`,
  )) {
    expect(files).toContain(manifest);
  }
});

it('asks for every package that the programs import, where development is left out', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  const missing = reached().packages.filter((name) => {
    const entry = packages[`node_modules/${name}`];
    return entry === undefined || entry.dev === true;
  });
  expect(missing).toEqual([]);
});

it('holds nothing else', () => {
  expect(files.filter((file) => !KINDS.some((kind) => kind.test(file)))).toEqual([]);
  expect(packed.unpackedSize).toBeLessThan(8_000_000);
});

it('brings the lockfile, under the only name that npm packs, and leaves none behind', () => {
  const { files: wanted, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    files: string[];
    scripts: Record<string, string>;
  };
  expect(wanted).toContain('npm-shrinkwrap.json');
  expect(scripts['prepack']).toContain('cp package-lock.json npm-shrinkwrap.json');
  expect(scripts['postpack']).toBe('rm npm-shrinkwrap.json');
  expect(existsSync(join(ROOT, 'npm-shrinkwrap.json'))).toBe(false);
});

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingOptional, neededBy, npmCommand, whyInstall } from '../../../scripts/setup/install.mjs';

const LOCK = {
  packages: {
    '': { version: '0.1.0' },
    api: {},
    'node_modules/@waggle/api': { link: true },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/tool': { version: '3.0.0', dev: true },
    'node_modules/native': { version: '2.0.0', optional: true },
  },
};

/** What is wanted where there is neither a GPU nor a model in ONNX. */
const CPU = { native: false, onnx: false, dev: true };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-install-'));
  write('package-lock.json', LOCK);
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, value: unknown): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), JSON.stringify(value));
}

const noteInstalled = (version: string): void =>
  write('node_modules/.package-lock.json', {
    packages: { 'node_modules/a': { version }, 'node_modules/tool': { version: '3.0.0' } },
  });

describe('whyInstall', () => {
  it('wants an installation where there is none, or one was broken off', () => {
    expect(whyInstall(folder, CPU)).toBe('none are there yet');
    mkdirSync(join(folder, 'node_modules/a'), { recursive: true });
    expect(whyInstall(folder, CPU)).toBe('none are there yet');
  });

  it('is content with what somebody installed by hand, optional packages aside', () => {
    noteInstalled('1.0.0');
    expect(whyInstall(folder, CPU)).toBeUndefined();
  });

  it('notices a lockfile that asks for something else', () => {
    noteInstalled('0.9.0');
    expect(whyInstall(folder, CPU)).toBe('the lockfile has changed');
  });

  it('does without what only development needs where that is not wanted', () => {
    write('node_modules/.package-lock.json', { packages: { 'node_modules/a': { version: '1.0.0' } } });
    expect(whyInstall(folder, CPU)).toBe('the lockfile has changed');
    expect(whyInstall(folder, { ...CPU, dev: false })).toBeUndefined();
  });

  it('reads the lockfile of a package that was unpacked', () => {
    noteInstalled('1.0.0');
    rmSync(join(folder, 'package-lock.json'));
    write('npm-shrinkwrap.json', LOCK);
    expect(whyInstall(folder, CPU)).toBeUndefined();
    noteInstalled('0.9.0');
    expect(whyInstall(folder, CPU)).toBe('the lockfile has changed');
  });

  it('notices that the native packages are wanted, until they have been tried', () => {
    noteInstalled('1.0.0');
    expect(whyInstall(folder, { ...CPU, native: true })).toBe('the native TensorFlow packages are wanted');
    write('node_modules/.waggle-install.json', { lock: 'of another time', native: true });
    expect(whyInstall(folder, { ...CPU, native: true })).toBeUndefined();
    expect(whyInstall(folder, CPU)).toBeUndefined();
    expect(whyInstall(folder, { ...CPU, native: true, onnx: true })).toBe('ONNX Runtime is wanted');
  });
});

describe('missingOptional', () => {
  it('names the wanted packages that could not be downloaded', () => {
    write('worker/native/package.json', { optionalDependencies: { native: '2.0.0' } });
    write('worker/onnx/package.json', { optionalDependencies: { runtime: '1.0.0', other: '1.0.0' } });
    mkdirSync(join(folder, 'node_modules/other'), { recursive: true });
    expect(missingOptional(folder, CPU)).toEqual([]);
    expect(missingOptional(folder, { ...CPU, onnx: true })).toEqual(['runtime']);
  });
});

describe('neededBy', () => {
  it('finds packages in ONNX and those with images beside others, and waits for none that cannot be read', () => {
    const none = { onnx: false, images: false };
    expect(neededBy(join(folder, 'nowhere'))).toEqual(none);
    expect(neededBy(join(folder, 'package-lock.json'))).toEqual(none);
    write('models/layers/manifest.json', { format: 'tfjs-layers' });
    write('models/empty/model.json', {});
    mkdirSync(join(folder, 'models/fifo'));
    execFileSync('mkfifo', [join(folder, 'models/fifo/manifest.json')]);
    write('models/odd/manifest.json', { columns: { encoding: 'image' } });
    expect(neededBy(join(folder, 'models'))).toEqual(none);
    write('models/trees/manifest.json', { format: 'onnx', columns: [{ encoding: 'number' }] });
    expect(neededBy(join(folder, 'models'))).toEqual({ onnx: true, images: false });
    write('models/photos/manifest.json', { columns: [{ encoding: 'number' }, { encoding: 'image' }] });
    expect(neededBy(join(folder, 'models'))).toEqual({ onnx: true, images: true });
  });
});

describe('npmCommand', () => {
  it('is the npm that runs us, and no other package manager', () => {
    expect(npmCommand('/usr/lib/node_modules/npm/bin/npm-cli.js')).toEqual({
      command: process.execPath,
      args: ['/usr/lib/node_modules/npm/bin/npm-cli.js'],
    });
    expect(npmCommand('/usr/lib/yarn.js')).toEqual({ command: 'npm', args: [] });
    expect(npmCommand(undefined)).toEqual({ command: 'npm', args: [] });
  });
});

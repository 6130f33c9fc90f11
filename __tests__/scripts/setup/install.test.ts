import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { npmCommand, whyInstall } from '../../../scripts/setup/install.mjs';

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
    expect(whyInstall(folder, { native: false, dev: true })).toBe('none are there yet');
    mkdirSync(join(folder, 'node_modules/a'), { recursive: true });
    expect(whyInstall(folder, { native: false, dev: true })).toBe('none are there yet');
  });

  it('is content with what somebody installed by hand, optional packages aside', () => {
    noteInstalled('1.0.0');
    expect(whyInstall(folder, { native: false, dev: true })).toBeUndefined();
  });

  it('notices a lockfile that asks for something else', () => {
    noteInstalled('0.9.0');
    expect(whyInstall(folder, { native: false, dev: true })).toBe('the lockfile has changed');
  });

  it('does without what only development needs where that is not wanted', () => {
    write('node_modules/.package-lock.json', { packages: { 'node_modules/a': { version: '1.0.0' } } });
    expect(whyInstall(folder, { native: false, dev: true })).toBe('the lockfile has changed');
    expect(whyInstall(folder, { native: false, dev: false })).toBeUndefined();
  });

  it('reads the lockfile of a package that was unpacked', () => {
    noteInstalled('1.0.0');
    rmSync(join(folder, 'package-lock.json'));
    write('npm-shrinkwrap.json', LOCK);
    expect(whyInstall(folder, { native: false, dev: true })).toBeUndefined();
    noteInstalled('0.9.0');
    expect(whyInstall(folder, { native: false, dev: true })).toBe('the lockfile has changed');
  });

  it('notices that the native packages are wanted, until they have been tried', () => {
    noteInstalled('1.0.0');
    expect(whyInstall(folder, { native: true, dev: true })).toBe('the native TensorFlow packages are wanted');
    write('node_modules/.waggle-install.json', { lock: 'of another time', native: true });
    expect(whyInstall(folder, { native: true, dev: true })).toBeUndefined();
    expect(whyInstall(folder, { native: false, dev: true })).toBeUndefined();
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

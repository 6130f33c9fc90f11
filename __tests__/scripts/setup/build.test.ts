import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, isBuilt } from '../../../scripts/setup/build.mjs';
import { root, workspaces } from '../../../scripts/setup/project.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-build-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const name of ['tsconfig.json', 'package.json', 'package-lock.json']) {
    writeFileSync(join(folder, name), readFileSync(join(root, name)));
  }
  for (const name of workspaces) write(`${name}/${name}.ts`, 'export const x = 1;\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}

const built = (path: string): string => readFileSync(join(folder, 'dist', path), 'utf8');

describe('build', () => {
  it('compiles, copies what programs read, and follows changes and deletions', async () => {
    write('shared/records/lua/claim.lua', '-- one');
    write('shared/README.md', 'for people');
    write('scripts/setup/first.mjs', 'runs as it is');
    write('worker/native/package.json', '{}');
    expect(isBuilt(folder)).toBe(false);
    await build(folder);
    expect(isBuilt(folder)).toBe(true);
    expect(built('shared/shared.js')).toContain('export const x = 1');
    expect(built('shared/records/lua/claim.lua')).toBe('-- one');
    for (const path of ['shared/README.md', 'scripts/setup/first.mjs', 'worker/native/package.json']) {
      expect(existsSync(join(folder, 'dist', path))).toBe(false);
    }

    write('shared/records/lua/claim.lua', '-- another');
    rmSync(join(folder, 'api/api.ts'));
    rmSync(join(folder, 'dist/worker/worker.js'));
    expect(isBuilt(folder)).toBe(false);
    await build(folder);
    expect(isBuilt(folder)).toBe(true);
    expect(built('shared/records/lua/claim.lua')).toBe('-- another');
    expect(existsSync(join(folder, 'dist/api/api.js'))).toBe(false);
    expect(built('worker/worker.js')).toContain('x = 1');
  });

  it('compiles a folder with a project of its own by that, which is for browsers then', async () => {
    const compilerOptions = { lib: ['es2023', 'dom'], types: [], rootDir: '../..', outDir: '../../dist' };
    write(
      'api/dashboard/tsconfig.json',
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['.'], exclude: [] }),
    );
    write('api/dashboard/page.ts', 'export const title = () => document.title;\n');
    write('api/dashboard/page.css', 'a {}');
    await build(folder);
    expect(built('api/dashboard/page.js')).toContain('document.title');
    expect(built('api/dashboard/page.css')).toBe('a {}');
    expect(existsSync(join(folder, 'dist/api/dashboard/tsconfig.json'))).toBe(false);
    rmSync(join(folder, 'dist/api/dashboard/page.js'));
    write('api/dashboard/page.css', 'b {}');
    await build(folder);
    expect([built('api/dashboard/page.js'), isBuilt(folder)]).toEqual([
      expect.stringContaining('document.title'),
      true,
    ]);
  });

  it('fails with what the compiler says, and does not take the result for a build', async () => {
    write('api/api.ts', 'export const x: number = "one";\n');
    await expect(build(folder)).rejects.toThrow('api/api.ts(1,14): error TS2322');
    expect(isBuilt(folder)).toBe(false);
  });
});

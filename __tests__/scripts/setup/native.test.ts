import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchWheel, findCompiler, setUpNative, unpackWheel } from '../../../scripts/setup/native.mjs';

// A compiler takes minutes on a machine that is busy.
jest.setTimeout(600_000);

let folder: string;
const { PATH } = process.env;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-library-'));
});
afterEach(() => {
  process.env['PATH'] = PATH;
  rmSync(folder, { recursive: true });
});

it('says what a folder lacks that holds no library', async () => {
  await expect(setUpNative({ library: folder })).rejects.toThrow(
    `${folder} has no libtensorflow_cc.so.2 or libtensorflow.so.2 with libtensorflow_framework.so.2 and the headers`,
  );
});

it('says that there is no compiler, and how to get one', async () => {
  process.env['PATH'] = folder;
  const missing = process.platform === 'linux' ? 'no C++ compiler is on PATH: install g++' : 'on Linux only';
  expect(findCompiler).toThrow(missing);
  await expect(setUpNative({ wheel: 'none.whl' })).rejects.toThrow(missing);
});

it('names the functions that tfjs-node calls and a library lacks, and leaves what was there', async () => {
  const addon = 'node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node';
  if (!existsSync(addon)) {
    return void process.stderr.write(
      '\nNOT RUN: a library that lacks functions, since npm run test:native was not\n',
    );
  }
  const before = statSync(addon).mtimeMs;
  const headers = /^tensorflow\/(include\/(?:tensorflow\/(?:c|core\/platform)|tsl)\/[\w/-]+\.h)$/;
  await unpackWheel(await fetchWheel(), folder, headers);
  for (const name of ['libtensorflow.so.2', 'libtensorflow_framework.so.2']) {
    execFileSync(findCompiler(), ['-shared', '-x', 'c', '/dev/null', '-o', join(folder, name)]);
  }
  await expect(setUpNative({ library: folder })).rejects.toThrow(
    /libtensorflow\.so\.2 lacks TF_\w+, .*TFE_Execute.*: take TensorFlow 2\.12 or newer$/,
  );
  expect(statSync(addon).mtimeMs).toBe(before);
});

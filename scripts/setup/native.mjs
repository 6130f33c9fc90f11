import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { addNative } from './install.mjs';
import { withLock } from './lock.mjs';
import { step } from './progress.mjs';
import { cacheDir, root } from './project.mjs';
import { findProgram, runCommand } from './run-command.mjs';
import { firstLine, SetupError } from './setup-error.mjs';

/** What is fetched from PyPI where nothing else is named: the wheel on which the engines' contract was run. */
const WHEEL = {
  url: 'https://files.pythonhosted.org/packages/5b/00/af89cb211fc96ffdebb52a687dad7f83b0b1d82bc057f65309fa03a89911/tensorflow_cpu-2.15.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
  bytes: 207_208_420,
};
/** A download that takes longer is given up, in ms. */
const GIVE_UP_MS = 10 * 60_000;

/** The C interface lies in the first of these in PyPI's wheels, and in the second in TensorFlow's own archives for C. */
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow.so.2'];
const FRAMEWORK = 'libtensorflow_framework.so.2';
/** What is taken out of a wheel: the library, and the headers of its C interface with those that they include. */
const WANTED =
  /^tensorflow\/(libtensorflow_(?:cc|framework)\.so\.2|include\/(?:tensorflow\/(?:c|core\/platform|tsl)|(?:xla\/)?tsl)\/[\w/-]+\.h)$/;

/**
 * The library's files, and the folder of its headers.
 *
 * @typedef {{ files: string[], include: string }} Library
 */

/**
 * Compiles the addon of `@tensorflow/tfjs-node`, and with `gpu` that of `@tensorflow/tfjs-node-gpu`, against a TensorFlow
 * library, for machines that do not reach the address from which these packages fetch both. Without a wheel of
 * `tensorflow` or `tensorflow-cpu`, and without a folder with the library and its headers, it fetches a wheel from PyPI.
 * Throws a {@link SetupError} that says what is missing.
 *
 * @param {{ wheel?: string, library?: string, gpu?: boolean }} options
 */
export async function setUpNative({ wheel, library, gpu = false }) {
  const given = library === undefined ? undefined : findLibrary(resolve(library));
  const compiler = findCompiler();
  const file = resolve(wheel ?? library ?? (await fetchWheel()));
  if (!fs.existsSync(file)) throw new SetupError(`there is no file ${file}`);
  await withLock(join(cacheDir, 'setup.lock'), async () => {
    await step('Adding the native packages, without what they download', () => addNative(root));
    const unpacked = join(cacheDir, 'tensorflow');
    try {
      if (given === undefined) {
        await step(`Unpacking ${basename(file)}`, () => unpackWheel(file, unpacked, WANTED));
      }
      const found = given ?? findLibrary(unpacked, file);
      for (const name of gpu ? ['tfjs-node', 'tfjs-node-gpu'] : ['tfjs-node']) {
        const version = await step(`Compiling the addon of ${name}`, () => buildAddon(name, found, compiler));
        console.error(`  @tensorflow/${name} runs on TensorFlow ${version}`);
      }
    } finally {
      fs.rmSync(unpacked, { recursive: true, force: true });
    }
  });
}

/** The compiler's path. Throws a {@link SetupError} where the addon cannot be compiled. */
export function findCompiler() {
  if (process.platform !== 'linux') {
    throw new SetupError(
      `the addon is built on Linux only, and this is ${process.platform}: WITH_GPU=1 npm start downloads it`,
    );
  }
  const compiler = findProgram(['g++', 'c++', 'clang++']);
  if (compiler !== undefined) return compiler;
  throw new SetupError(
    'no C++ compiler is on PATH: install g++ (apt-get install g++, dnf install gcc-c++, apk add g++)',
  );
}

/**
 * The wheel from PyPI, kept in the cache. Throws a {@link SetupError} where it is not for this processor or cannot be
 * fetched.
 *
 * @returns {Promise<string>} its path
 */
export async function fetchWheel() {
  if (process.arch !== 'x64') {
    throw new SetupError(
      `the wheel that is fetched is for x64, and this is ${process.arch}: name one by --wheel`,
    );
  }
  const path = join(cacheDir, basename(WHEEL.url));
  if (fs.existsSync(path)) return path;
  fs.mkdirSync(cacheDir, { recursive: true });
  const part = `${path}.${process.pid}`;
  try {
    await step(`Fetching ${basename(WHEEL.url)} (once; ${Math.round(WHEEL.bytes / 1e6)} MB)`, async () => {
      const { body, status } = await fetch(WHEEL.url, { signal: AbortSignal.timeout(GIVE_UP_MS) });
      if (status !== 200 || body === null) throw new Error(`PyPI answers ${status}`);
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const piece of body) {
        bytes += piece.length;
        if (bytes > WHEEL.bytes) break;
        hash.update(piece);
        fs.appendFileSync(part, piece);
      }
      if (hash.digest('hex') !== WHEEL.sha256) throw new Error('it is not the file with that SHA-256');
    });
    fs.renameSync(part, path);
    return path;
  } catch (error) {
    fs.rmSync(part, { force: true });
    throw new SetupError(
      `${WHEEL.url} cannot be fetched (${firstLine(error)}): bring it here another way, and name it by --wheel`,
    );
  }
}

/**
 * Unpacks files of a wheel, each under what `wanted` finds in parentheses. Throws a {@link SetupError} where it is no wheel.
 *
 * @param {string} wheel
 * @param {string} to
 * @param {RegExp} wanted
 */
export async function unpackWheel(wheel, to, wanted) {
  /** @type {new (path: string) => { getEntries(): { entryName: string, getData(): Buffer }[] }} */
  const Zip = createRequire(join(root, 'package.json'))('adm-zip');
  try {
    for (const entry of new Zip(wheel).getEntries()) {
      const [, name] = wanted.exec(entry.entryName) ?? [];
      if (name === undefined) continue;
      fs.mkdirSync(join(to, dirname(name)), { recursive: true });
      fs.writeFileSync(join(to, name), entry.getData());
    }
  } catch (error) {
    throw new SetupError(`${wheel} cannot be unpacked: ${firstLine(error)}`);
  }
}

/**
 * @param {string} folder
 * @param {string} [source] what a person knows it by
 * @returns {Library}
 */
function findLibrary(folder, source = folder) {
  const include = join(folder, 'include');
  for (const place of [folder, join(folder, 'lib')]) {
    const files = [LIBRARIES.find((name) => fs.existsSync(join(place, name))) ?? '', FRAMEWORK];
    if (!files.every((name) => fs.statSync(join(place, name), { throwIfNoEntry: false })?.isFile())) continue;
    if (!fs.existsSync(join(include, 'tensorflow/c/eager/c_api.h'))) continue;
    return { files: files.map((name) => join(place, name)), include };
  }
  throw new SetupError(
    `${source} has no ${LIBRARIES.join(' or ')} with ${FRAMEWORK} and the headers of include/tensorflow/c: name a wheel of tensorflow-cpu 2.12 or newer for Linux, the folder "tensorflow" of an installed one, or an unpacked libtensorflow`,
  );
}

/**
 * Puts the library into a package and compiles its addon.
 *
 * @param {string} name
 * @param {Library} library
 * @param {string} compiler
 * @returns {Promise<string>} the library's version, as it tells when it is loaded
 */
async function buildAddon(name, { files, include }, compiler) {
  const folder = join(root, 'node_modules/@tensorflow', name);
  if (!fs.existsSync(join(folder, 'binding'))) throw new SetupError(`@tensorflow/${name} is not installed`);
  const lib = join(folder, 'deps/lib');
  const addon = join(folder, 'lib/napi-v8/tfjs_binding.node');
  fs.mkdirSync(dirname(addon), { recursive: true });
  // Undefined functions are warnings, so that all of them are named: Node-API's are in Node itself.
  const flags = [
    '-std=c++17',
    '-O2',
    '-fPIC',
    '-shared',
    '-DNAPI_VERSION=8',
    '-Wl,-z,defs,--warn-unresolved-symbols',
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
  ];
  const headers = [join(root, 'node_modules/node-api-headers/include'), include].map((path) => `-I${path}`);
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((source) => join(folder, 'binding', source));
  const args = [...flags, ...headers, ...sources, ...files, '-o', `${addon}.new`];
  const said = await runCommand(compiler, args, { env: { ...process.env, LC_ALL: 'C' } });
  const undefinedNames = said.matchAll(/undefined (?:reference to .|symbol: )(TFE?_\w+)/g);
  const missing = [...new Set(Array.from(undefinedNames, ([, symbol]) => symbol))];
  if (missing.length > 0) {
    fs.rmSync(`${addon}.new`);
    throw new SetupError(`${files[0]} lacks ${missing.join(', ')}: take TensorFlow 2.12 or newer`);
  }
  fs.rmSync(lib, { recursive: true, force: true });
  fs.mkdirSync(lib, { recursive: true });
  for (const file of files) linkOrCopy(fs.realpathSync(file), join(lib, basename(file)));
  fs.renameSync(`${addon}.new`, addon);
  const proof = `const { backend } = require(${JSON.stringify(folder)}); console.log('TensorFlow', backend().binding.TF_Version)`;
  const told = await runCommand(process.execPath, ['-e', proof], { cwd: root });
  const [, version] = /^TensorFlow (\S+)$/m.exec(told) ?? [];
  if (version === undefined) throw new SetupError(`@tensorflow/${name} does not load: ${told}`);
  return version;
}

/**
 * @param {string} from
 * @param {string} to
 */
function linkOrCopy(from, to) {
  try {
    fs.linkSync(from, to);
  } catch {
    fs.copyFileSync(from, to);
  }
}

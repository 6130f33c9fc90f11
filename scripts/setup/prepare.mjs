import { join } from 'node:path';
import { build, isBuilt } from './build.mjs';
import { install, missingOptional, whyInstall } from './install.mjs';
import { withLock } from './lock.mjs';
import { step } from './progress.mjs';
import { cacheDir, isPackage, root } from './project.mjs';
import { SetupError } from './setup-error.mjs';

const OLDEST_NODE = { major: 20, minor: 11 };

/**
 * Makes the checkout runnable: npm packages as locked, `dist/` as the sources, where there are sources. Commands that start at the same moment
 * take turns; when all is there this is a few milliseconds of looking.
 *
 * @param {{ onnx?: boolean, images?: boolean }} [needs] ONNX Runtime, and what decodes images, too
 */
export async function prepare(needs = {}) {
  checkNode(process.versions.node);
  const options = { native: process.env.WITH_GPU === '1', ...needs, dev: !isPackage };
  const isUpToDate = () => isPackage || isBuilt(root);
  const isReady = () => whyInstall(root, options) === undefined && isUpToDate();
  if (isReady()) return;
  const setUp = async () => {
    const reason = whyInstall(root, options);
    if (reason !== undefined) {
      await step(`Installing npm packages (${reason}; about a minute)`, () => install(root, options));
      const missing = missingOptional(root, options);
      if (missing.length > 0) {
        console.error(`  ${missing.join(' and ')} could not be downloaded: the worker will do without`);
        if (options.native) console.error('  npx waggle setup native builds TensorFlow from PyPI');
      }
    }
    if (!isUpToDate()) await step('Building', () => build(root));
  };
  const onWait = (/** @type {number} */ pid) =>
    console.error(`- waiting for process ${pid}, which is setting this folder up`);
  await withLock(join(cacheDir, 'setup.lock'), setUp, { onWait });
}

/**
 * Throws a {@link SetupError} when this Node is too old.
 *
 * @param {string} version such as `20.11.0`
 */
export function checkNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST_NODE.major || (major === OLDEST_NODE.major && minor >= OLDEST_NODE.minor)) return;
  throw new SetupError(
    `This needs Node ${OLDEST_NODE.major}.${OLDEST_NODE.minor} or newer, and this is Node ${version}: https://nodejs.org`,
  );
}

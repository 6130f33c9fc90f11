import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { installWithApt } from './apt.mjs';
import { withLock } from './lock.mjs';
import { step } from './progress.mjs';
import { cacheDir } from './project.mjs';
import { findProgram, isProgram, runCommand } from './run-command.mjs';
import { firstLine, SetupError } from './setup-error.mjs';

/**
 * A Redis server to run: its program, and what its environment needs beside ours.
 *
 * @typedef {{ command: string, env: Record<string, string> }} RedisProgram
 */

const NAMES = ['redis-server', 'valkey-server'];
/** The server's package on Debian and its relatives, and the shared libraries that a bare system may lack. */
const DEBIAN_PACKAGES = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1'];

/**
 * The Redis server on PATH, or the one unpacked earlier into `.cache/redis`.
 *
 * @param {string} [cache] the folder of downloads
 * @returns {RedisProgram | undefined}
 */
export function findRedis(cache = cacheDir) {
  const command = findProgram(NAMES);
  if (command !== undefined) return { command, env: {} };
  const unpacked = join(cache, 'redis/usr/bin/redis-server');
  return isProgram(unpacked)
    ? { command: unpacked, env: libraryPath(join(cache, 'redis/usr/lib')) }
    : undefined;
}

/**
 * A Redis server that runs here, installed when there was none.
 *
 * @returns {Promise<RedisProgram>}
 */
export async function ensureRedis() {
  return (
    findRedis() ?? (await withLock(join(cacheDir, 'redis.lock'), async () => findRedis() ?? installRedis()))
  );
}

/**
 * The variables of this process, with which programs find that Redis server on PATH and start it.
 *
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
export async function envWithRedis() {
  const { command, env } = await ensureRedis();
  return { ...process.env, ...env, PATH: [process.env.PATH, dirname(command)].join(delimiter) };
}

/** @returns {Promise<RedisProgram>} */
async function installRedis() {
  for (const attempt of [fromApt, fromAptDownload, fromHomebrew]) {
    await attempt().catch((error) => console.error(`  ${firstLine(error)}`));
    const found = findRedis();
    if (found !== undefined && (await starts(found))) return found;
  }
  throw new SetupError(
    [
      'A Redis server (Redis 6 or newer, or Valkey) is needed and could not be installed. Do one of these, then try again:',
      '  Debian, Ubuntu    sudo apt-get install redis-server',
      '  Fedora, RHEL      sudo dnf install valkey',
      '  Alpine            apk add redis',
      '  macOS             brew install redis',
      '  any, with Docker  docker run -d -p 127.0.0.1:6379:6379 redis:8 && export REDIS_URL=redis://127.0.0.1:6379',
      '  one you have      export REDIS_URL=redis://host:6379',
    ].join('\n'),
  );
}

const fromApt = () => installWithApt('redis-server');

/** Without root: the same packages, unpacked below `.cache/redis`. Nothing outside this folder changes. */
async function fromAptDownload() {
  if (findProgram(['apt-get']) === undefined || findProgram(['dpkg']) === undefined) return;
  const target = join(cacheDir, 'redis');
  await step('Downloading redis-server with apt-get into .cache/redis (once)', async () => {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    await runCommand('apt-get', ['-qq', 'download', ...DEBIAN_PACKAGES], { cwd: target });
    for (const file of readdirSync(target).filter((name) => name.endsWith('.deb'))) {
      await runCommand('dpkg', ['-x', file, '.'], { cwd: target });
      rmSync(join(target, file));
    }
  });
}

async function fromHomebrew() {
  if (process.platform !== 'darwin' || findProgram(['brew']) === undefined) return;
  await step('Installing redis with Homebrew (once)', () => runCommand('brew', ['install', 'redis']));
}

/** @param {RedisProgram} program */
async function starts({ command, env }) {
  return runCommand(command, ['--version'], { env: { ...process.env, ...env } }).then(
    () => true,
    (error) => {
      console.error(`  ${command} does not start: ${firstLine(error)}`);
      return false;
    },
  );
}

/**
 * Debian keeps shared libraries in one folder an architecture, such as `usr/lib/x86_64-linux-gnu`.
 *
 * @param {string} folder
 */
function libraryPath(folder) {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return { LD_LIBRARY_PATH: folders.map((entry) => join(folder, entry.name)).join(':') };
}

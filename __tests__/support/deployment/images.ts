import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { readStages } from './dockerfile.js';
import { failure, IMAGE_CACHE, output, podman, podmanShell, removeAll } from './containers.js';

const ROOT = resolve(__dirname, '../../..');

const hasImage = async (name: string): Promise<boolean> =>
  (await failure(podman('image', 'exists', name))) === '';

/**
 * Makes an image that a Dockerfile stands on, or a deployment runs: the real one where a registry answers; else a
 * stand-in of the same Debian with `node`, Redis or Valkey. Gives false where it can be neither.
 */
export async function ensureBase(name: string): Promise<boolean> {
  if (await hasImage(name)) return true;
  if ((await failure(podman('pull', '--quiet', name))) === '') return true;
  const [, program = '', version = '', suite = ''] =
    /\/(node|redis|valkey):([\d.]+)-(bookworm|trixie)/.exec(name) ?? [];
  if (program === '') return false;
  const dir = mkdtempSync(join(tmpdir(), 'waggle-base-'));
  try {
    const root = join(dir, 'root');
    const packages = program === 'node' ? 'ca-certificates' : `${program}-server`;
    await output('debootstrap', '--variant=minbase', `--include=${packages}`, suite, root);
    const changes = await (program === 'node' ? addNode(root, dir, version) : addRedis(root, program));
    const flags = changes.map((change) => `--change '${change}'`).join(' ');
    await podmanShell(`tar -C "$1" -c . | $PODMAN import --quiet ${flags} - "$2"`, root, name);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return true;
}

const SETTINGS = ['ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin'];

/**
 * Node's own binary from the npm registry, this machine's npm, and what that needs to reach the registry. Gives the
 * settings of the image.
 */
async function addNode(root: string, dir: string, version: string): Promise<string[]> {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
  const npm = dirname(
    dirname(process.env['npm_execpath'] ?? (await output('sh', '-c', 'readlink -f $(which npm)'))),
  );
  await output('npm', 'pack', '--silent', '--pack-destination', dir, `node-linux-${arch}@${version}`);
  await podmanShell(
    `cd "$1"; tar -xzf "$2"/node-linux-*.tgz -C usr/local --strip-components=1 package/bin/node
     mkdir -p usr/local/lib/node_modules usr/local/etc; cp -R "$3" usr/local/lib/node_modules/npm
     ln -s ../lib/node_modules/npm/bin/npm-cli.js usr/local/bin/npm
     echo "registry=$(npm config get registry)" > usr/local/etc/npmrc
     chroot . groupadd -g 1000 node; chroot . useradd -u 1000 -g node -m node
     rm -rf var/lib/apt/lists/* var/cache/apt/*.bin var/cache/apt/archives/*.deb`,
    root,
    dir,
    npm,
  );
  const authorities = process.env['NODE_EXTRA_CA_CERTS'];
  if (authorities === undefined) return SETTINGS;
  await output('cp', authorities, join(root, 'usr/local/etc/authorities.pem'));
  return [...SETTINGS, 'ENV NODE_EXTRA_CA_CERTS=/usr/local/etc/authorities.pem'];
}

/** The folder of data and the names that the official images have, whose user has this number. */
async function addRedis(root: string, program: string): Promise<string[]> {
  await podmanShell(
    `cd "$1"; mkdir data; chown 999:999 data
     for one in server cli; do [ -e usr/bin/redis-$one ] || ln -s "$2-$one" usr/bin/redis-$one; done
     rm -rf var/lib/apt/lists/* var/cache/apt/*.bin var/cache/apt/archives/*.deb`,
    root,
    program,
  );
  return [...SETTINGS, 'WORKDIR /data', 'VOLUME /data'];
}

/** The bases of a Dockerfile, by their full names. */
export const basesOf = (file: string): string[] => {
  const stages = readStages(file);
  const names = new Set(stages.map(({ name }) => name));
  return [...new Set(stages.map(({ base }) => base).filter((base) => !names.has(base)))].map(fullName);
};

/** The name of an image of Docker's registry with the registry. */
export const fullName = (name: string): string =>
  `docker.io/${name.includes('/') ? name : `library/${name}`}`;

/** An image that was built. */
export interface Built {
  name: string;
  sizeBytes: number;
  tookMs: number;
}

/** Builds a Dockerfile as it stands, the last stage unless named. Stages that two files share are built once. */
export async function build(file: string, name: string, target?: string): Promise<Built> {
  const startMs = performance.now();
  const cache = join(IMAGE_CACHE, 'npm');
  mkdirSync(cache, { recursive: true });
  await podman(
    ...'build --quiet --isolation=chroot --format=docker --layers --pull=never'.split(' '),
    `--volume=${cache}:/root/.npm`,
    ...(target === undefined ? [] : [`--target=${target}`]),
    `--file=${join(ROOT, 'compose', file)}`,
    `--tag=${name}`,
    ROOT,
  );
  const sizeBytes = Number(await podman('image', 'inspect', '--format', '{{.Size}}', name));
  return { name, sizeBytes, tookMs: Math.round(performance.now() - startMs) };
}

/** Removes images that were built, with their layers, and all that ran; the bases stay. */
export const forgetImages = async (): Promise<void> => {
  const built = (await podman('images', '--quiet', '--filter', 'reference=localhost/*')).split('\n');
  if (built[0]) await podman('rmi', '--force', ...new Set(built));
  await podman('image', 'prune', '--force');
  await removeAll();
};

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdtempSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { messageOf, ModelPackageError } from '../errors.js';
import type { Logger } from '../log/logger.js';
import type { ReleaseStack } from '../process/release-stack.js';
import { unpackTar } from './tar.js';

/** An archive of model packages, and what it has to be. */
export interface ModelsUrl {
  /** Without the digest. */
  url: string;
  /** In hexadecimal digits. */
  sha256: string;
}

/** Gives the archive as it is configured now; undefined for none. Throws what is wrong with a file that names it. */
export type ModelsSource = () => ModelsUrl | undefined;

/** Bounds of an archive: its bytes, packed and unpacked together, and the time to fetch it. */
const LIMIT_BYTES = 2 ** 30;
const TIMEOUT_MS = 600_000;

/** Where models are fetched from: `MODELS_URL`, or the file of `MODELS_URL_FILE`, which is read again at each reload. */
export function readModelsSource(
  url: string | undefined,
  file: string | undefined,
  problems: string[],
): ModelsSource {
  const read: ModelsSource = () =>
    parseModelsUrl(file === undefined ? (url ?? '') : readFileSync(file, 'utf8').trim());
  try {
    if (url === undefined || file === undefined) read();
    else throw new Error('and MODELS_URL are both set: unset one of them');
  } catch (error) {
    problems.push(`${file === undefined ? 'MODELS_URL' : 'MODELS_URL_FILE'} ${messageOf(error)}`);
  }
  return read;
}

/** Reads `https://host/models.tar.gz#sha256=<64 hexadecimal digits>`. Throws what is wrong with it. */
export function parseModelsUrl(text: string): ModelsUrl | undefined {
  if (text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const [, sha256] = /^#sha256=([0-9a-f]{64})$/i.exec(url?.hash ?? '') ?? [];
  if (!url || !/^https?:$/.test(url.protocol) || sha256 === undefined) {
    // The address may hold a password.
    throw new Error('must be http(s)://<host>/<path>#sha256=<64 hexadecimal digits>');
  }
  url.hash = '';
  return { url: url.href, sha256: sha256.toLowerCase() };
}

/** The folder of a process's models. */
export interface ModelsFolder {
  dir: string;
  /** Fetches the archive where another one is configured now. Never rejects: what fails is logged, and changes nothing. */
  refresh(): Promise<void>;
}

/**
 * Fetches the packages of an archive into a folder of this process below the system's folder for temporary files, which goes
 * with the process; gives `modelsDir` where none is configured. Rejects with a {@link ModelPackageError} when it cannot be
 * had, is not what the digest says, or holds what it may not.
 */
export async function openModels(
  source: ModelsSource,
  modelsDir: string,
  { log, release, signal }: { log: Logger; release: ReleaseStack; signal: AbortSignal },
): Promise<ModelsFolder> {
  const first = source();
  if (!first) return { dir: modelsDir, refresh: () => Promise.resolve() };
  const place = mkdtempSync(join(tmpdir(), 'waggle-models-'));
  release.later('fetched models', () => rm(place, { recursive: true, force: true }));
  const dir = join(place, 'current');
  let current = '';
  const change = async (to: ModelsUrl): Promise<void> => {
    if (to.sha256 === current) return;
    const startMs = performance.now();
    await fetchModels(to, join(place, to.sha256), signal);
    // The rename replaces the link in one step: nobody sees half of an archive.
    await symlink(to.sha256, join(place, 'next'));
    await rename(join(place, 'next'), dir);
    if (current !== '') await rm(join(place, current), { recursive: true, force: true });
    current = to.sha256;
    log.info('models fetched', { sha256: current, fetch_ms: Math.round(performance.now() - startMs) });
  };
  await change(first);
  let changing: Promise<void> = Promise.resolve();
  return {
    dir,
    refresh() {
      changing = changing
        .then(() => change(source() ?? first))
        .catch((error: unknown) =>
          log.error('models not fetched: the ones fetched before stay', { error: messageOf(error) }),
        );
      return changing;
    },
  };
}

async function fetchModels({ url, sha256 }: ModelsUrl, folder: string, stopping: AbortSignal): Promise<void> {
  const archive = `${folder}.part`;
  try {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(TIMEOUT_MS)]);
    const answer = await fetch(url, { signal });
    if (!answer.ok || !answer.body) throw new Error(`it is answered with ${answer.status}`);
    const hash = createHash('sha256');
    let bytes = 0;
    let isGzip = false;
    const bounded = async function* (parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const part of parts) {
        if (bytes === 0) isGzip = part[0] === 0x1f && part[1] === 0x8b;
        bytes += part.length;
        if (bytes > LIMIT_BYTES) throw new Error(`it has more than ${LIMIT_BYTES} bytes`);
        hash.update(part);
        yield part;
      }
    };
    await pipeline(Readable.fromWeb(answer.body), bounded, createWriteStream(archive, { mode: 0o600 }), {
      signal,
    });
    const found = hash.digest('hex');
    if (found !== sha256) throw new Error(`its SHA-256 is ${found}, not ${sha256}`);
    await mkdir(folder);
    const packed = createReadStream(archive);
    const write = async (path: string, content: Uint8Array): Promise<void> => {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content, { flag: 'wx' });
    };
    const unpack = (parts: AsyncIterable<Uint8Array>): Promise<void> =>
      unpackTar(parts, { limitBytes: LIMIT_BYTES - bytes, write });
    await (isGzip
      ? pipeline(packed, createGunzip(), unpack, { signal })
      : pipeline(packed, unpack, { signal }));
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    const why =
      cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : messageOf(cause);
    throw new ModelPackageError('of MODELS_URL', [`the archive cannot be used: ${why}`]);
  } finally {
    await rm(archive, { force: true });
  }
}

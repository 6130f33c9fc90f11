import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseModelsUrl, openModels, readModelsSource } from '../../../shared/model/fetched-models.js';
import { unpackTar } from '../../../shared/model/tar.js';
import { ReleaseStack } from '../../../shared/process/release-stack.js';
import { until } from '../../support/latch.js';
import { MODELS } from '../../support/paths.js';
import { startProgram } from '../../support/program.js';
import { recordingLog } from '../../support/recording-log.js';
import { startRedis } from '../../support/redis.js';

const LINEAR = 'trip-duration-linear';
const archives = new Map<string, Buffer>();
let server: Server;
const dir = mkdtempSync(join(tmpdir(), 'waggle-archives-'));
beforeAll(async () => {
  server = createServer(({ url = '' }, res) => {
    const archive = archives.get(url);
    res.writeHead(archive ? 200 : 404).end(archive);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Serves an archive; gives its address, with its digest. */
function serve(archive: Buffer): string {
  const sha256 = createHash('sha256').update(archive).digest('hex');
  archives.set(`/${sha256}`, archive);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/${sha256}#sha256=${sha256}`;
}

/** An archive of a folder that `fill` makes. */
function pack(fill: (folder: string) => void, ...flags: string[]): Buffer {
  const folder = mkdtempSync(join(dir, 'models-'));
  fill(folder);
  const archive = `${folder}.tar`;
  execFileSync('tar', ['-cf', archive, ...flags, ...(flags.includes('--') ? [] : ['.'])], { cwd: folder });
  return readFileSync(archive);
}

const packModel = (version: string, ...flags: string[]): Buffer =>
  pack(
    (folder) => {
      cpSync(join(MODELS, LINEAR), join(folder, LINEAR), { recursive: true });
      const file = join(folder, LINEAR, 'manifest.json');
      const manifest = JSON.parse(readFileSync(file, 'utf8')) as object;
      writeFileSync(file, JSON.stringify({ ...manifest, version }));
    },
    ...flags,
  );

/** Opens what a file names, with `change` to let it name another archive. */
async function open(first: string) {
  const file = join(dir, `url-${Math.random()}`);
  writeFileSync(file, first);
  const [log, release, problems] = [recordingLog(), new ReleaseStack(), [] as string[]];
  const source = readModelsSource(undefined, file, problems);
  expect(problems).toEqual([]);
  const signal = new AbortController().signal;
  const models = await openModels(source, 'model', { log, release, signal });
  const version = (): unknown =>
    (JSON.parse(readFileSync(join(models.dir, LINEAR, 'manifest.json'), 'utf8')) as { version: string })
      .version;
  return {
    models,
    log,
    version,
    change: async (to: string): Promise<void> => {
      writeFileSync(file, to);
      await models.refresh();
    },
    close: () => release.run(log),
  };
}

it('are fetched, packed and plain, and change with what the file names', async () => {
  const { models, version, change, close } = await open(serve(packModel('1.2.3', '--gzip')));
  expect(version()).toBe('1.2.3');
  await change(serve(packModel('1.2.4')));
  expect(version()).toBe('1.2.4');
  expect(readFileSync(join(models.dir, LINEAR, 'model.json'))).toEqual(
    readFileSync(join(MODELS, LINEAR, 'model.json')),
  );
  expect(readdirSync(dirname(models.dir))).toHaveLength(2);
  await close();
  expect(existsSync(dirname(models.dir))).toBe(false);
});

it('are those of MODELS_DIR where no archive is named', async () => {
  const options = { log: recordingLog(), release: new ReleaseStack(), signal: new AbortController().signal };
  const models = await openModels(readModelsSource(undefined, undefined, []), 'model', options);
  await models.refresh();
  expect(models.dir).toBe('model');
});

const good = packModel('2.0.0');
const outside = (folder: string): void => writeFileSync(join(folder, '..', 'outside'), 'x');
const BAD: [string, () => string, RegExp][] = [
  ['is not there', () => serve(good).replace(/\/\w{64}#/, '/none#'), /answered with 404/],
  [
    'has another digest',
    () => serve(good).replace(/=./, (digit) => (digit === '=0' ? '=1' : '=0')),
    /SHA-256 is/,
  ],
  ['is cut off', () => serve(good.subarray(0, 2_000)), /ends too early/],
  ['is something else', () => serve(Buffer.from('<html>'.repeat(200))), /no tar archive/],
  [
    'is a damaged gzip',
    () => serve(Buffer.concat([Buffer.from([0x1f, 0x8b]), good])),
    /incorrect|unknown|header/,
  ],
  [
    'holds a link',
    () => serve(pack((folder) => symlinkSync('/etc', join(folder, 'etc')))),
    /a link or a special/,
  ],
  [
    'leaves the folder',
    () => serve(pack(outside, '-P', '--', '../outside')),
    /path that is not taken: "..\/outside"/,
  ],
  ['has an absolute path', () => serve(pack(outside, '-P', '--', '/etc/hostname')), /path that is not taken/],
  [
    'holds a file twice',
    () =>
      serve(pack((folder) => writeFileSync(join(folder, 'a'), 'x'), '--hard-dereference', '--', 'a', 'a')),
    /exist/,
  ],
  [
    'has long names',
    () => serve(pack((folder) => mkdirSync(join(folder, 'n'.repeat(200))), '--format=pax')),
    /too long/,
  ],
  ['has no digest', () => 'https://host/models.tar', /must be http/],
];

it.each(BAD)('stay as they were when the archive %s', async (_, archive, says) => {
  const { version, log, change, close } = await open(serve(packModel('1.0.0')));
  await change(archive());
  expect(String(log.said('models not fetched: the ones fetched before stay')?.fields['error'])).toMatch(says);
  expect(version()).toBe('1.0.0');
  await change(serve(good));
  expect(version()).toBe('2.0.0');
  await close();
});

it('unpack to no more bytes than are allowed', async () => {
  const write = jest.fn(async () => undefined);
  const parts = async function* (): AsyncGenerator<Uint8Array> {
    yield good;
  };
  await expect(unpackTar(parts(), { limitBytes: 1_000, write })).rejects.toThrow('more than 1000 bytes');
});

it.each(['ftp://host/a#sha256=', 'https://host/a', 'https://u:secret@host/a#sha256=12'])(
  'are refused from %s, without a word of what may be secret',
  (url) => {
    const problems: string[] = [];
    readModelsSource(url, undefined, problems);
    expect(problems).toEqual(['MODELS_URL must be http(s)://<host>/<path>#sha256=<64 hexadecimal digits>']);
    expect(() => parseModelsUrl(url)).toThrow('must be');
  },
);

it('are served by API and worker, and reloaded on SIGHUP', async () => {
  const redis = await startRedis();
  const file = join(dir, 'served');
  writeFileSync(file, serve(packModel('1.0.0', '--gzip')));
  const env = { REDIS_URL: redis.url, MODELS_URL_FILE: file, MODELS_DIR: 'none', TMPDIR: dir };
  const [api, worker] = [startProgram('api', env), startProgram('worker', env)];
  try {
    const [port] = await Promise.all([api.ready(), worker.ready()]);
    const predict = async (): Promise<unknown> => {
      const answer = await fetch(`http://127.0.0.1:${port}/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'wait=30' },
        body: JSON.stringify({ input: { PULocationID: 130, DOLocationID: 205, trip_distance: 3 } }),
      });
      const { status, model_version: version } = (await answer.json()) as Record<string, unknown>;
      return { status, version };
    };
    expect(await predict()).toEqual({ status: 'succeeded', version: '1.0.0' });
    writeFileSync(file, serve(packModel('1.1.0')));
    for (const one of [api, worker]) one.signal('SIGHUP');
    await until(() =>
      [api, worker].every(({ log }) => log.some(({ message }) => message === 'model reloaded')),
    );
    expect(await predict()).toEqual({ status: 'succeeded', version: '1.1.0' });
  } finally {
    expect(await Promise.all([api.stop(), worker.stop()])).toEqual([0, 0]);
    await redis.stop();
  }
  expect(readdirSync(dir).filter((name) => name.startsWith('waggle-models-'))).toEqual([]);
});

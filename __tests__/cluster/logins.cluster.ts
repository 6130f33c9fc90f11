import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { JobBody } from '../../shared/contract/job.js';
import type { RedisPlace } from '../../shared/redis/address.js';
import { askRedis } from '../../shared/redis/locate.js';
import { until } from '../support/latch.js';
import { startProgram } from '../support/program.js';
import { end, findRedisServer, freePort, testPrefix } from '../support/redis.js';

const HOST = '127.0.0.1';
/** A password that a URL has to escape. */
const [PASSWORD, SENTINEL_PASSWORD] = ['s:ecr/et@1', 'other&pass=2'];
const LOGIN = `waggle:${encodeURIComponent(PASSWORD)}`;

jest.setTimeout(120_000);

const dir = mkdtempSync(join(tmpdir(), 'waggle-tls-'));
const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
const servers: ChildProcess[] = [];

const subject = ['-subj', '/CN=waggle', '-addext', `subjectAltName=IP:${HOST}`];
const made = spawnSync(
  'openssl',
  ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject],
  { encoding: 'utf8' },
);
const why = made.error?.message ?? (made.status === 0 ? undefined : made.stderr);

afterAll(async () => {
  await Promise.all(servers.map((server) => end(server, 'SIGKILL')));
  rmSync(dir, { recursive: true, force: true });
});

/** Starts a server that takes TLS and a login on one port, and is set up through another; resolves to both. */
async function start(
  lines: readonly string[],
  ...args: string[]
): Promise<{ tlsPort: number; place: RedisPlace }> {
  const [port, tlsPort] = [await freePort(HOST), await freePort(HOST)];
  const file = join(dir, `${port}.conf`);
  const tls = [
    `tls-cert-file ${cert}`,
    `tls-key-file ${key}`,
    `tls-ca-cert-file ${cert}`,
    'tls-auth-clients no',
  ];
  const all = [`port ${port}`, `tls-port ${tlsPort}`, ...tls, `bind ${HOST}`, `dir ${dir}`, ...lines];
  writeFileSync(file, `${all.join('\n')}\nloglevel warning\ntls-replication yes\n`);
  servers.push(spawn(findRedisServer(), [file, ...args], { stdio: 'ignore' }));
  return { tlsPort, place: { kind: 'host', host: HOST, port, tls: false, database: 0 } };
}

const store = (extra: readonly string[] = []) =>
  start([
    'save ""',
    'maxmemory-policy noeviction',
    `user default on nopass ~* &* +@all`,
    `user waggle on >${PASSWORD} ~* &* +@all`,
    ...extra,
  ]);

async function inCluster(): Promise<string> {
  const bus = await freePort(HOST);
  const { tlsPort, place } = await store([
    'cluster-enabled yes',
    `cluster-port ${bus}`,
    'tls-cluster yes',
    `cluster-config-file ${bus}.nodes`,
  ]);
  await until(() =>
    askRedis(place, (send) => send('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')).catch(() => undefined),
  );
  return `rediss+cluster://${LOGIN}@${HOST}:${tlsPort}/`;
}

async function behindSentinel(): Promise<string> {
  const master = await store();
  const sentinel = await start(
    [
      `sentinel monitor main ${HOST} ${master.tlsPort} 1`,
      'sentinel auth-user main waggle',
      `sentinel auth-pass main ${PASSWORD}`,
      `user default on >${SENTINEL_PASSWORD} ~* &* +@all`,
    ],
    '--sentinel',
  );
  return `rediss+sentinel://${LOGIN}@${HOST}:${sentinel.tlsPort}/main?sentinel_password=${encodeURIComponent(SENTINEL_PASSWORD)}`;
}

if (why !== undefined) {
  process.stderr.write(`NOT RUN: TLS and logins: openssl makes no certificate: ${why}\n`);
  // oxlint-disable-next-line jest/no-disabled-tests, jest/expect-expect
  it.skip(`TLS and logins: openssl makes no certificate: ${why}`, () => undefined);
} else {
  it.each([
    ['a cluster', inCluster],
    ['a Sentinel', behindSentinel],
  ])('serves over TLS and with logins where %s names the master', async (_who, open) => {
    const env = {
      REDIS_URL: await open(),
      NODE_EXTRA_CA_CERTS: cert,
      KEY_PREFIX: testPrefix(),
      MODELS_DIR: resolve(__dirname, '../fixtures/models'),
      MODELS: 'faulty',
      DEFAULT_MODEL: 'faulty',
    };
    const programs = [
      startProgram('api', env),
      startProgram('worker', env, { file: '__tests__/fixtures/faulty-worker.mjs' }),
    ] as const;
    try {
      const [port] = await Promise.all([programs[0].ready(), programs[1].ready()]);
      const answer = await fetch(`http://${HOST}:${port}/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'wait=30' },
        body: JSON.stringify({ input: { act: 'answer', value: 21 } }),
      });
      const job = (await answer.json()) as JobBody;
      expect(job).toMatchObject({ status: 'succeeded', result: { doubled: 42 } });
      const said = JSON.stringify(programs.map(({ log }) => log));
      expect(said).not.toContain(PASSWORD);
      expect(said).not.toContain(encodeURIComponent(PASSWORD));
    } finally {
      await Promise.all(programs.map((program) => program.stop()));
    }
  });
}

/** Name and password, where they are asked for. */
export interface RedisLogin {
  username?: string;
  password?: string;
}

/** A host that is reached over TCP or TLS. */
export interface RedisHost extends RedisLogin {
  kind: 'host';
  host: string;
  port: number;
  tls: boolean;
  database: number;
}

/** One Redis: a unix socket or a host. Both Redis clients are configured from this. */
export type RedisPlace = ({ kind: 'socket'; path: string; database: number } & RedisLogin) | RedisHost;

/** Where Redis is: a place, or hosts that say where the master is now. */
export type RedisAddress =
  | RedisPlace
  /** `seeds` are Sentinels, with the login of Sentinels; `master` has everything else of the place to find. */
  | { kind: 'sentinel'; seeds: RedisHost[]; name: string; master: RedisHost }
  /** `seeds` are any nodes of the cluster. */
  | { kind: 'cluster'; seeds: RedisHost[] };

const EXAMPLES =
  'redis://127.0.0.1:6379, rediss://..., unix:///path/to.sock, redis+sentinel://host1,host2/name or redis+cluster://host1,host2';

/**
 * Parses `redis://[user:password@]host[:port][/database]`, `unix:///path/to/socket[?db=N]`,
 * `redis+sentinel://[user:password@]host[:port],.../name[?db=N][&sentinel_username=...][&sentinel_password=...]` and
 * `redis+cluster://[user:password@]host[:port],...`; `rediss` for TLS to every host. Throws an error that completes the
 * sentence "REDIS_URL ...".
 */
export function parseRedisAddress(text: string): RedisAddress {
  const [, start = '', login = '', hosts = '', end = ''] =
    /^(rediss?\+(?:sentinel|cluster):\/\/)([^/?]*@)?([^/?]*)(.*)$/s.exec(text) ?? [];
  // A list of hosts with ports is not one that URL can read.
  const url = urlOf(start === '' ? text : `${start}${login}hosts${end}`);
  const own = loginOf(url.username, url.password);
  const database = databaseOf(url.searchParams.get('db'));
  if (url.protocol === 'unix:') {
    return { kind: 'socket', path: decodeURIComponent(url.pathname), database, ...own };
  }
  const tls = url.protocol.startsWith('rediss');
  const path = decodeURIComponent(url.pathname.slice(1));
  switch (url.protocol) {
    case 'redis:':
    case 'rediss:':
      return hostOf(url, { tls, database: databaseOf(path), ...own });
    case 'redis+sentinel:':
    case 'rediss+sentinel:': {
      // An @ is the end of a login whose password has a slash.
      if (!/^[^@]+$/.test(path)) {
        throw new Error('must name the master, as in redis+sentinel://host1,host2/name');
      }
      const { searchParams } = url;
      const asked = loginOf(
        searchParams.get('sentinel_username') ?? '',
        searchParams.get('sentinel_password') ?? '',
      );
      const seeds = seedsOf(hosts, SENTINEL_PORT, { tls, database: 0, ...asked });
      const master: RedisHost = { kind: 'host', host: '', port: 0, tls, database, ...own };
      return { kind: 'sentinel', seeds, name: path, master };
    }
    case 'redis+cluster:':
    case 'rediss+cluster:':
      if (database !== 0 || databaseOf(path) !== 0) {
        throw new Error('must not name a database: a cluster has number 0 alone');
      }
      return { kind: 'cluster', seeds: seedsOf(hosts, REDIS_PORT, { tls, database: 0, ...own }) };
    default:
      throw new Error(
        `must start with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://, not ${url.protocol}//`,
      );
  }
}

/** The address for a log line: no user, no password. */
export function describeRedisAddress(address: RedisAddress): string {
  switch (address.kind) {
    case 'socket':
      return `unix://${address.path}${describeDatabase(address)}`;
    case 'host':
      return `redis${address.tls ? 's' : ''}://${address.host}:${address.port}${describeDatabase(address)}`;
    case 'sentinel':
      return `${describeSeeds(address)}/${address.name}${describeDatabase(address.master)}`;
    case 'cluster':
      return describeSeeds(address);
  }
}

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26379;

const describeDatabase = ({ database }: RedisPlace): string =>
  database === 0 ? '' : ` (database ${database})`;

const describeSeeds = ({ kind, seeds }: { kind: string; seeds: RedisHost[] }): string =>
  `redis${seeds[0]?.tls ? 's' : ''}+${kind}://${seeds.map(({ host, port }) => `${host}:${port}`).join(',')}`;

function urlOf(text: string): URL {
  try {
    return new URL(text);
  } catch {
    // The text is not repeated in the message: a text that is no address may still be a password.
    throw new Error(`must look like ${EXAMPLES}`);
  }
}

const loginOf = (username: string, password: string): RedisLogin => ({
  ...(username ? { username: decodeURIComponent(username) } : {}),
  ...(password ? { password: decodeURIComponent(password) } : {}),
});

type Common = Pick<RedisHost, 'tls' | 'database'> & RedisLogin;

const hostOf = ({ hostname, port }: URL, common: Common, defaultPort = REDIS_PORT): RedisHost => ({
  kind: 'host',
  host: hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
  port: port ? Number(port) : defaultPort,
  ...common,
});

const seedsOf = (hosts: string, defaultPort: number, common: Common): RedisHost[] =>
  hosts.split(',').map((host) => hostOf(urlOf(`redis://${host}`), common, defaultPort));

function databaseOf(text: string | null): number {
  if (text === null || text === '') return 0;
  const database = Number(text);
  if (!/^\d+$/.test(text) || database > 4096) {
    throw new Error('must name its database by a number, as in redis://127.0.0.1:6379/2');
  }
  return database;
}

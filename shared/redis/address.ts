/** Where Redis is: a unix socket, or a host reached over TCP or TLS. Both Redis clients are configured from this. */
export type RedisAddress =
  | { kind: 'socket'; path: string; database: number; username?: string; password?: string }
  | {
      kind: 'host';
      host: string;
      port: number;
      tls: boolean;
      database: number;
      username?: string;
      password?: string;
    };

/**
 * Parses `redis://[user:password@]host[:port][/database]`, `rediss://...` for TLS, and
 * `unix:///path/to/socket[?db=N]`. Throws an error that completes the sentence "REDIS_URL ...".
 */
export function parseRedisAddress(text: string): RedisAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // The text is not repeated in the message: a text that is no address may still be a password.
    throw new Error('must look like redis://127.0.0.1:6379, rediss://... or unix:///path/to.sock');
  }
  const login = {
    ...(url.username ? { username: decodeURIComponent(url.username) } : {}),
    ...(url.password ? { password: decodeURIComponent(url.password) } : {}),
  };
  if (url.protocol === 'unix:') {
    return {
      kind: 'socket',
      path: decodeURIComponent(url.pathname),
      database: databaseOf(url.searchParams.get('db')),
      ...login,
    };
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new Error(`must start with redis://, rediss:// or unix://, not ${url.protocol}//`);
  }
  return {
    kind: 'host',
    host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: url.port ? Number(url.port) : 6379,
    tls: url.protocol === 'rediss:',
    database: databaseOf(url.pathname.slice(1)),
    ...login,
  };
}

/** The address for a log line: no user, no password. */
export function describeRedisAddress(address: RedisAddress): string {
  const where =
    address.kind === 'socket'
      ? `unix://${address.path}`
      : `redis${address.tls ? 's' : ''}://${address.host}:${address.port}`;
  return address.database === 0 ? where : `${where} (database ${address.database})`;
}

function databaseOf(text: string | null): number {
  if (text === null || text === '') return 0;
  const database = Number(text);
  if (!/^\d+$/.test(text) || database > 4096) {
    throw new Error('must name its database by a number, as in redis://127.0.0.1:6379/2');
  }
  return database;
}

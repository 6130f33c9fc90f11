import type { Command } from 'commander';
import { type Env, readEnv } from '../../shared/config/env.js';
import { messageOf } from '../../shared/errors.js';
import { listOf } from '../../shared/records/records.js';
import { describeRedisAddress, parseRedisAddress, type RedisAddress } from '../../shared/redis/address.js';
import { openRedis } from '../../shared/redis/redis.js';
import { checkRedis, type RedisFacts, SETTINGS } from '../doctor/check-redis.js';
import type { SetUp } from '../up/start-all.js';
import { reportErrors } from './report-errors.js';

const HELP = `
It asks the Redis of REDIS_URL and the replicas that this Redis names, changes nothing, and takes the settings of the API from
the environment or .env. The exit code is 1 where something is wrong.

Examples:
  $ REDIS_URL=redis://10.0.0.5 REDIS_REPLICAS_ACK=1 npx waggle doctor
  $ npx waggle doctor --json | tail -1 | jq '.nodes[].problems'`;

/** How long one Redis may take to answer, in ms. */
const ANSWER_MS = 3_000;

/** A Redis that was looked at. */
interface Node {
  node: string;
  version?: string | undefined;
  role?: string | undefined;
  problems: string[];
}

/** `waggle doctor`: looks whether Redis is set up as Waggle's promises need it. */
export function registerDoctorCommand(program: Command, { env }: Pick<SetUp, 'env'>): void {
  program
    .command('doctor')
    .description('Looks whether the Redis of REDIS_URL and its replicas are set up as they should be.')
    .option('--json', 'print one JSON document as the last line of standard output')
    .addHelpText('after', HELP)
    .action((options: { json?: true }) =>
      reportErrors(options, async () => {
        const nodes = await examine(env);
        if (options.json) console.log(JSON.stringify({ nodes }));
        else console.log(nodes.map(linesOf).join('\n'));
        if (nodes.some(({ problems }) => problems.length > 0)) process.exitCode = 1;
      }),
    );
}

const linesOf = ({ node, version = 'unknown', role = 'unreachable', problems }: Node): string =>
  [`${node}  ${role}, version ${version}`, ...problems.map((problem) => `  ✖ ${problem}`)].join('\n');

async function examine(env: Env): Promise<Node[]> {
  const { address, acks } = readEnv(env, (read) => ({
    address: read.parsed('REDIS_URL', 'redis://127.0.0.1:6379', parseRedisAddress),
    acks: read.int('REDIS_REPLICAS_ACK', 0),
  }));
  const look = async (at: RedisAddress): Promise<{ node: Node; facts?: RedisFacts }> => {
    const node = describeRedisAddress(at);
    try {
      const facts = await factsOf(at);
      const { info } = facts;
      const about = { version: info.get('redis_version'), role: info.get('role') };
      return { node: { node, ...about, problems: checkRedis({ ...facts, acks }) }, facts };
    } catch (error) {
      return { node: { node, problems: [messageOf(error)] } };
    }
  };
  const { node, facts } = await look(address);
  const replicas = facts ? replicasIn(facts, address) : [];
  return [node, ...(await Promise.all(replicas.map(look))).map((found) => found.node)];
}

/** The replicas that a master names, under its own login. */
function replicasIn({ info }: RedisFacts, master: RedisAddress): RedisAddress[] {
  const { database, username, password } = master;
  const login = { ...(username ? { username } : {}), ...(password ? { password } : {}) };
  const tls = master.kind === 'host' && master.tls;
  return [...info].flatMap(([name, value]) => {
    const [, host, port] = (/^slave\d+$/.test(name) && /^ip=(.+?),port=(\d+)/.exec(value)) || [];
    return host === undefined ? [] : [{ kind: 'host', host, port: Number(port), tls, database, ...login }];
  });
}

async function factsOf(address: RedisAddress): Promise<RedisFacts> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  const redis = await openRedis({ address, signal, onError: () => undefined, pingEveryMs: ANSWER_MS });
  try {
    const info = String(await redis.command(['INFO']));
    const settings = await Promise.all(SETTINGS.map((name) => redis.command(['CONFIG', 'GET', name]))).catch(
      () => undefined,
    );
    return {
      info: new Map(info.split('\r\n').map((line) => line.split(':', 2) as [string, string])),
      config: settings && new Map(settings.map((pair) => listOf(pair).map(String) as [string, string])),
    };
  } finally {
    await redis.close();
  }
}

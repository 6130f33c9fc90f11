import type { Command } from 'commander';
import { type Env, readEnv } from '../../shared/config/env.js';
import { messageOf } from '../../shared/errors.js';
import {
  describeRedisAddress,
  parseRedisAddress,
  type RedisAddress,
  type RedisPlace,
} from '../../shared/redis/address.js';
import { askRedis, locate, type SlotRange } from '../../shared/redis/locate.js';
import { checkRedis, type RedisFacts, SETTINGS } from '../doctor/check-redis.js';
import type { SetUp } from '../up/start-all.js';
import { reportErrors } from './report-errors.js';

const HELP = `
It asks the masters of REDIS_URL and the replicas that they name, changes nothing, and takes the settings of the API from
the environment or .env. The exit code is 1 where something is wrong.

Examples:
  $ REDIS_URL=redis://10.0.0.5 REDIS_REPLICAS_ACK=1 npx waggle doctor
  $ npx waggle doctor --json | tail -1 | jq '.nodes[].problems'`;

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
  const look = async (place: RedisPlace): Promise<{ node: Node; replicas: RedisPlace[] }> => {
    const node = describeRedisAddress(place);
    try {
      const facts = await factsOf(place);
      const about = { version: facts.info.get('redis_version'), role: facts.info.get('role') };
      const problems = checkRedis({ ...facts, acks });
      return { node: { node, ...about, problems }, replicas: replicasIn(facts, place) };
    } catch (error) {
      return { node: { node, problems: [messageOf(error)] }, replicas: [] };
    }
  };
  const masters = await Promise.all((await mastersAt(address)).map(look));
  const replicas = await Promise.all(masters.flatMap((found) => found.replicas).map(look));
  return [...masters, ...replicas].map(({ node }) => node);
}

/** The masters at an address: one, but for a cluster. */
async function mastersAt(address: RedisAddress): Promise<RedisPlace[]> {
  const first = await locate(address, '');
  if (address.kind !== 'cluster' || first.kind !== 'host') return [first];
  const ranges = await askRedis(first, (send) => send<SlotRange[]>('CLUSTER', 'SLOTS'));
  const hosts = ranges.flatMap(([, , [host, port]]) => [{ ...first, host: host || first.host, port }]);
  return [...new Map(hosts.map((host) => [describeRedisAddress(host), host])).values()];
}

/** The replicas that a master names, under its own login. */
const replicasIn = ({ info }: RedisFacts, master: RedisPlace): RedisPlace[] =>
  [...info].flatMap(([name, value]) => {
    const [, host, port] = (/^slave\d+$/.test(name) && /^ip=(.+?),port=(\d+)/.exec(value)) || [];
    if (host === undefined) return [];
    return [{ tls: false, ...master, kind: 'host', host, port: Number(port) }];
  });

const factsOf = (place: RedisPlace): Promise<RedisFacts> =>
  askRedis(place, async (send) => {
    const info = await send<string>('INFO');
    const settings = await Promise.all(
      SETTINGS.map((name) => send<[string, string] | []>('CONFIG', 'GET', name)),
    ).catch(() => undefined);
    return {
      info: new Map(info.split('\r\n').map((line) => line.split(':', 2) as [string, string])),
      config: settings && new Map(settings.flatMap((pair) => (pair.length === 0 ? [] : [pair]))),
    };
  });

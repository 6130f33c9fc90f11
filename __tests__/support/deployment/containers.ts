import { execFile, type ExecFileException } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../latch.js';

/** Images, their bases and the packages of npm that builds fetch: kept from one run to the next. */
export const IMAGE_CACHE = resolve(__dirname, '../../../.cache/images');
/** Packages of Debian that run containers: runc, because crun 1.8 refuses machines that have cgroups of both versions. */
export const TOOLS = ['podman', 'runc', 'netavark', 'aardvark-dns', 'catatonit', 'debootstrap'];

/** Flags of every call. Networks and storage lie below `.cache`, apart from what else Podman keeps on this machine. */
const OWN = [
  ...['root', 'runroot', 'network-config-dir'].map((name) => `--${name}=${join(IMAGE_CACHE, name)}`),
  ...'--storage-driver=overlay --cgroup-manager=cgroupfs --runtime=runc --log-level=error'.split(' '),
];

/** Runs a program for ten minutes at most, and gives its standard output. Rejects with what it said. */
export async function output(command: string, ...args: string[]): Promise<string> {
  const options = { maxBuffer: 2 ** 26, timeout: 600_000 };
  return (await promisify(execFile)(command, args, options)).stdout.trim();
}

export const podman = (...args: string[]): Promise<string> => output('podman', ...OWN, ...args);

/** A shell command with Podman in it, as `$PODMAN`. */
export const podmanShell = (command: string, ...args: string[]): Promise<string> =>
  output('sh', '-ec', `PODMAN="podman ${OWN.join(' ')}"; ${command}`, 'sh', ...args);

/** Podman's own limits are above those of machines on which root may not raise its own. */
export const LIMITS = ['--ulimit=nofile=4096:4096', '--ulimit=nproc=1024:1024'];

/** A container as it is to run. */
export interface Launch {
  /** Its name on the networks. */
  alias: string;
  image: string;
  command: readonly string[];
  env: Readonly<Record<string, string>>;
  /** User, limits, mounts and what else is a flag of `podman run`. */
  flags: readonly string[];
  networks: readonly string[];
  /** Time from SIGTERM to SIGKILL. */
  graceS: number;
  /** A pause before SIGTERM. */
  preStop?: readonly string[];
}

/** A container that runs. */
export class Container {
  constructor(
    readonly id: string,
    private readonly launch: Launch,
  ) {}

  /** Runs a command in it, as its user. Rejects with what the command said when it fails. */
  exec(...command: string[]): Promise<string> {
    return podman('exec', this.id, ...command);
  }

  /** Its address on one of its networks. */
  async address(): Promise<string> {
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}';
    return (await podman('inspect', '--format', format, this.id)).split(' ')[0] ?? '';
  }

  /** Asks until the question no longer fails; gives the milliseconds that took. */
  async ready(ask: () => Promise<unknown>): Promise<number> {
    const startMs = performance.now();
    let said: unknown;
    const isWell = (): Promise<boolean> =>
      ask().then(
        () => true,
        (error: unknown) => ((said = error), false),
      );
    await until(isWell, { timeoutMs: 60_000, everyMs: 250 }).catch(async () => {
      throw new Error(`${this.launch.alias} is not well: ${String(said)}\n${await this.log()}`);
    });
    return Math.round(performance.now() - startMs);
  }

  log(): Promise<string> {
    return podmanShell('$PODMAN logs "$1" 2>&1', this.id);
  }

  /** Stops it in the time that it has, and gives its exit code: 137 when that was too short. */
  async stop(): Promise<number> {
    const { preStop, graceS } = this.launch;
    if (preStop) await this.exec(...preStop);
    await podman('stop', '--time', String(graceS), this.id);
    return Number(await podman('inspect', '--format', '{{.State.ExitCode}}', this.id));
  }
}

/** Starts a container, hidden from everything but its networks. */
export async function start(launch: Launch): Promise<Container> {
  const { alias, image, command, env, flags, networks } = launch;
  const id = await podman(
    // Nobody asks by a timer, which would be systemd's: the test asks.
    ...'run --detach --pull=never --log-driver=k8s-file --health-interval=disable'.split(' '),
    '--read-only-tmpfs=false',
    ...LIMITS,
    ...networks.flatMap((network) => ['--network', `${network}:alias=${alias}`]),
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...flags,
    image,
    ...command,
  );
  return new Container(id, launch);
}

/** Ends and removes every container, volume, network and mount of this store, those of builds that were broken off included. */
export async function removeAll(): Promise<void> {
  mkdirSync(join(IMAGE_CACHE, 'network-config-dir'), { recursive: true });
  await podmanShell('$PODMAN ps --all --external --quiet | xargs -r $PODMAN rm --force --time 0');
  await podman('volume', 'prune', '--force');
  await podman('network', 'prune', '--force');
  const mounts = `awk -v dir="$1/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r`;
  await podmanShell(`${mounts} | xargs -r umount --lazy`, IMAGE_CACHE);
}

/** Whether a command failed, and with what it said. */
export const failure = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => '',
    (error: ExecFileException) => error.stderr || error.message,
  );

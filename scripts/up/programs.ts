import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import type { Logger } from '../../shared/log/logger.js';
import { KeptProcess } from './kept-process.js';
import { type ReadyMessage, readyMessage } from './ready-message.js';

/** A built program to run one or several times. */
export interface ProgramOptions {
  /** Absolute path of its `main.js`. */
  program: string;
  count: number;
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** File descriptor that it holds open for as long as it lives; undefined for none. */
  lifeline: number | undefined;
}

type Program = KeptProcess<ReadyMessage>;

/** Worker processes: plain children with an IPC channel, by which they notice that the launcher is gone. */
export function workerPrograms(options: ProgramOptions, log: Logger): Program[] {
  const { program, cwd, env } = options;
  const metricsPort = Number(env['WORKER_METRICS_PORT'] ?? '');
  return times(options.count, (which, index) => {
    const name = which === '' ? 'the worker' : `worker ${which}`;
    // Each worker answers Prometheus on a port of its own: the configured one and those after it.
    const own = metricsPort > 0 ? { WORKER_METRICS_PORT: String(metricsPort + index) } : {};
    const launch = () => fork(program, [], { cwd, env: { ...env, ...own }, stdio: stdioOf(options) });
    return new KeptProcess({ name, launch, ready: readyMessage, stop, advice: adviceFor(name) }, log);
  });
}

/**
 * API processes that share one port, also when there is but one. They take connections off the socket themselves
 * (SCHED_NONE): with round robin each would pass through the launcher. Four processes behind 64 clients got equal
 * shares either way, and this way was 3 to 5 % faster.
 */
export function apiPrograms(options: ProgramOptions & { port: number }, log: Logger): Program[] {
  const { program, cwd, env } = options;
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ exec: program, args: [], cwd, stdio: stdioOf(options) });
  // The cluster gives processes that ask for port 0 one free port together and lets it go with the last of them: a
  // process that comes after that has to ask for it by its number, to stay where clients look.
  let [asked, found, users] = [options.port, options.port, 0];
  const launch = () => {
    if (users === 0) asked = found;
    users += 1;
    const child = cluster.fork({ ...env, PORT: String(asked) }).process;
    child.once('exit', () => (users -= 1));
    return child;
  };
  const ready = async (child: ReturnType<typeof launch>): Promise<ReadyMessage> => {
    const message = await readyMessage(child);
    found = message.port ?? found;
    return message;
  };
  return times(options.count, (which) => {
    const name = which === '' ? 'the API' : `API ${which}`;
    return new KeptProcess({ name, launch, ready, stop, advice: adviceFor(name) }, log);
  });
}

const stop = (child: { kill(signal: NodeJS.Signals): boolean }): void => void child.kill('SIGTERM');

const adviceFor = (name: string) => (ended: string) =>
  `${name} ended (${ended}) before it could serve: what it printed last says why`;

function stdioOf({ lifeline }: ProgramOptions): ('ignore' | 'inherit' | 'ipc' | number)[] {
  return ['ignore', 'inherit', 'inherit', 'ipc', ...(lifeline === undefined ? [] : [lifeline])];
}

/** One name a process: empty when it is alone, else such as "2 of 3". */
function times<T>(count: number, make: (which: string, index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) =>
    make(count === 1 ? '' : `${index + 1} of ${count}`, index),
  );
}

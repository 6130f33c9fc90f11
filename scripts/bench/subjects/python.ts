import { join } from 'node:path';
import type { ReleaseStack } from '../../../shared/process/release-stack.js';
import { RawConnection, requestText } from '../load/raw-connection.js';
import { freePort } from '../../up/port.js';
import type { BenchHost } from '../service.js';
import { startServing } from './child.js';
import { cpuUs } from './cpu.js';
import { peakMb, type ProcessKinds } from './processes.js';
import { holding, linearModelFolder, peerFolder, tripRequests } from './peer.js';
import { openTogether } from './open-together.js';
import { startRedisServer } from './redis-server.js';
import type { Subject } from './subject.js';

/** The repository, and the interpreter that has the packages of `peers/requirements.txt`. */
export type PythonHost = BenchHost & { python: string };

/** All of these services answer a trip here with its minutes. */
const ASKS = tripRequests('/predict');
const answered = holding('"duration":', '"FAILURE"');
const completed = holding('"completed"', '"failed"');

const CELERY = {
  'web, 4 processes': /uvicorn|multiprocessing/,
  worker: /celery/,
  redis: /redis-server|valkey-server/,
};

/** FastAPI under uvicorn with four processes, Celery with four threads, a Redis of their own. */
export const startCelery = (host: PythonHost): Promise<Subject> =>
  openTogether(host.log, async (release) => {
    const redis = await startRedisServer(host);
    release.later('Redis', () => redis.stop());
    const port = await freePort();
    const env = { REDIS_SOCKET: redis.socket };
    const web = await run(host, release, {
      args: ['-m', ...`uvicorn celery_service:app --workers 4 --port ${port}`.split(' ')],
      env,
      answers: () => isAnswered(port, requestText('GET', '/openapi.json')),
    });
    const worker = await run(host, release, {
      args: ['-m', ...'celery -A celery_service:celery worker -P threads -c 4 --loglevel WARNING'.split(' ')],
      env,
      // The first result is the sign that the worker has come up.
      answers: () => isAnswered(port),
    });
    return {
      ...subject('FastAPI + Celery', port, [redis.pid, web, worker], CELERY),
      submits: tripRequests('/jobs'),
    };
  });

/** BentoML with one process; it keeps tasks there, in SQLite in memory. */
export const startBento = (host: PythonHost): Promise<Subject> =>
  openTogether(host.log, async (release) => {
    const port = await freePort();
    const pid = await run(host, release, {
      args: ['-m', ...`bentoml serve bento_service:Trips --host 127.0.0.1 --port ${port}`.split(' ')],
      answers: () => isAnswered(port),
    });
    return {
      ...subject('BentoML', port, [pid], { service: /python/ }),
      submits: tripRequests('/jobs/submit'),
      hasResult: (body) => completed(body) || answered(body),
      jobs: {
        acceptedStatus: 200,
        pathsOf(accepted) {
          const { task_id: id } = JSON.parse(accepted) as { task_id: string };
          return [`/jobs/status?task_id=${id}`, `/jobs/get?task_id=${id}`];
        },
      },
    };
  });

/** LitServe with one process for the API and one for the model. It has no jobs. */
export const startLitServe = (host: PythonHost): Promise<Subject> =>
  openTogether(host.log, async (release) => {
    const port = await freePort();
    const pid = await run(host, release, {
      args: ['lit_service.py', String(port)],
      answers: () => isAnswered(port),
    });
    return subject('LitServe', port, [pid], { service: /python/ });
  });

const subject = (name: string, port: number, pids: readonly number[], kinds: ProcessKinds) => ({
  name,
  port,
  submits: [],
  asks: ASKS,
  hasResult: answered,
  peakMb: () => peakMb(pids, kinds),
  cpuUs: () => cpuUs(pids, kinds),
});

interface Program {
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  answers: () => Promise<boolean>;
}

/** Starts a program in the peers' folder; resolves to its process once it serves. None of them may report its use. */
async function run(
  { python, ...host }: PythonHost,
  release: ReleaseStack,
  { args, env = {}, answers }: Program,
): Promise<number> {
  const own = {
    MODEL: linearModelFolder(host),
    PYTHONDONTWRITEBYTECODE: '1',
    BENTOML_DO_NOT_TRACK: 'True',
    BENTOML_HOME: join(host.root, '.cache/python/bentoml'),
    ...env,
  };
  const spec = { command: python, args, env: { ...host.env, ...own }, cwd: peerFolder(host) };
  const child = await startServing(spec, answers);
  release.later(args.join(' '), () => child.stop());
  return child.pid;
}

const ANSWERS_MS = 2_000;

/** Tells whether a whole request is answered with 200. */
async function isAnswered(port: number, request = ASKS[0] ?? ''): Promise<boolean> {
  const connection = new RawConnection(port);
  const late = setTimeout(() => connection.close(), ANSWERS_MS);
  try {
    return (await connection.send(request)).status === 200;
  } catch {
    return false;
  } finally {
    clearTimeout(late);
    connection.close();
  }
}

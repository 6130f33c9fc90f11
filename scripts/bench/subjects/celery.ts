import { execFileSync } from 'node:child_process';
import { RawConnection, requestText } from '../load/raw-connection.js';
import { freePort } from '../../up/port.js';
import type { BenchHost } from '../service.js';
import { startServing } from './child.js';
import { cpuUs } from './cpu.js';
import { peakMb } from './processes.js';
import { holding, linearModelFolder, peerFolder, tripRequests } from './peer.js';
import { openTogether } from './open-together.js';
import { startRedisServer } from './redis-server.js';
import type { Subject } from './subject.js';

/** Debian's Python, whichever one stands first on PATH: its packages are found by no other. */
const PYTHON = '/usr/bin/python3';
const MODULES = ['celery', 'fastapi', 'gunicorn', 'httptools', 'redis', 'uvicorn', 'uvloop'];

/** Advice where FastAPI and Celery cannot be measured; undefined where they can. */
export function whyNoCelery(): string | undefined {
  try {
    execFileSync(PYTHON, ['-c', `import ${MODULES.join(', ')}`], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'FastAPI + Celery is left out, since Python has not all it takes. On Debian: apt-get install python3-celery python3-fastapi gunicorn python3-uvicorn python3-uvloop python3-httptools python3-redis';
  }
}

const KINDS = {
  'web, 4 processes': /gunicorn/,
  worker: /celery/,
  redis: /redis-server|valkey-server/,
};

/** FastAPI under gunicorn with four workers, Celery with four threads, a Redis of their own. */
export const startCelery = (host: BenchHost): Promise<Subject> =>
  openTogether(host.log, async (release) => {
    const redis = await startRedisServer(host);
    release.later('Redis', () => redis.stop());
    const port = await freePort();
    const env = {
      ...host.env,
      REDIS_SOCKET: redis.socket,
      MODEL: linearModelFolder(host),
      PYTHONPATH: peerFolder(host),
      PYTHONDONTWRITEBYTECODE: '1',
    };
    const run = (args: string[], answers: () => Promise<boolean>) =>
      startServing({ command: PYTHON, args: ['-m', ...args], env, cwd: peerFolder(host) }, answers);
    const web = await run(
      `gunicorn -w 4 -k uvicorn.workers.UvicornWorker -b 127.0.0.1:${port} celery_service:app`.split(' '),
      () => isAnswered(port, '/openapi.json'),
    );
    release.later('web', () => web.stop());
    const asks = tripRequests('/predict');
    // The first result is the sign that the worker has come up.
    const worker = await run(
      'celery -A celery_service:celery worker -P threads -c 4 --loglevel WARNING'.split(' '),
      () => isAnswered(port, asks[0] ?? ''),
    );
    release.later('worker', () => worker.stop());
    const pids = [redis.pid, web.pid, worker.pid];
    return {
      name: 'FastAPI + Celery',
      port,
      submits: tripRequests('/jobs'),
      asks,
      hasResult: holding('"duration":', '"FAILURE"'),
      peakMb: () => peakMb(pids, KINDS),
      cpuUs: () => cpuUs(pids, KINDS),
    };
  });

const ANSWERS_MS = 2_000;

/** Tells whether a request is answered with 200: a path to get, or a whole request. */
async function isAnswered(port: number, request: string): Promise<boolean> {
  const connection = new RawConnection(port);
  const late = setTimeout(() => connection.close(), ANSWERS_MS);
  try {
    const text = request.startsWith('/') ? requestText('GET', request) : request;
    return (await connection.send(text)).status === 200;
  } catch {
    return false;
  } finally {
    clearTimeout(late);
    connection.close();
  }
}

import { workerData } from 'node:worker_threads';

const POLL_MS = 1_000;

// Where nothing holds up the event loop of the process, the end of the worker's socket is noticed sooner. An orphan is given a new parent. SIGKILL, because any other end waits for the event loop that may hang.
setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL');
}, POLL_MS);

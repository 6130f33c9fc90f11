import { Worker } from 'node:worker_threads';

/**
 * Ends this process when its parent is gone, even while a model holds up its event loop: a thread of its own asks
 * once a second. (Where nothing holds it up, the end of the worker's socket is noticed sooner.)
 */
export function watchParent(): void {
  const thread = new Worker(new URL('parent-watch-thread.js', import.meta.url), { workerData: process.ppid });
  thread.unref();
}

// The worker, with a model that only waits.
import { runWorker } from './run-worker.mjs';

await runWorker(new URL('../../../dist/scripts/bench/slow-worker/inference.js', import.meta.url));

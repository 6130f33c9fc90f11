import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { messageOf } from '../../shared/errors.js';
import type { RecordScripts } from '../../shared/records/records.js';
import type { Logger } from '../../shared/log/logger.js';
import {
  announceWorker,
  HEARTBEAT_MS,
  withdrawWorker,
  type WorkerInfo,
} from '../../shared/workers/registry.js';

/**
 * Reports this worker to the registry every five seconds, until it is closed; `state` gives what changes while a worker runs.
 * `beat` reports at once. A report that Redis does not take is made up for by the next.
 */
export function startHeartbeat(
  records: RecordScripts,
  state: () => Pick<WorkerInfo, 'models' | 'refused' | 'loading'>,
  log: Logger,
): { beat: () => Promise<void>; close: () => Promise<void> } {
  const worker = { id: randomUUID(), host: hostname(), pid: process.pid, startedAtMs: Date.now() };
  const beat = (): Promise<void> =>
    announceWorker(records, { ...worker, ...state() }).catch((error: unknown) =>
      log.debug('heartbeat not written', () => ({ error: messageOf(error) })),
    );
  const timer = setInterval(() => void beat(), HEARTBEAT_MS);
  return {
    beat,
    async close() {
      clearInterval(timer);
      await withdrawWorker(records, worker.id).catch(() => undefined);
    },
  };
}

import { UnreachableError } from '../../../shared/client/errors.js';
import { isEnded, isJob } from '../../../shared/client/bodies.js';
import type { JobBody } from '../../../shared/contract/job.js';
import { pause } from '../../../shared/process/pause.js';
import { Patience } from '../../../shared/client/retry.js';
import type { DashboardApi } from '../api.js';
import { readEvents } from '../server-events.js';

const REOPEN_MS = 500;

/**
 * Tells every state of a job until it has ended, and comes back when the connection breaks. Throws what the service
 * answers when there is no such job, and the signal's reason.
 */
export async function followJob(
  api: DashboardApi,
  id: string,
  { onJob, signal }: { onJob: (job: JobBody) => void; signal: AbortSignal },
): Promise<void> {
  const patience = new Patience({ outageMs: Number.POSITIVE_INFINITY, signal });
  let lastId: string | undefined;
  for (;;) {
    try {
      const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId };
      const response = await api.stream({ path: `/jobs/${encodeURIComponent(id)}/events`, headers, signal });
      if (response.status === 204) return;
      for await (const event of readEvents(response)) {
        patience.restore();
        lastId = event.id ?? lastId;
        const job: unknown = JSON.parse(event.data);
        if (!isJob(job)) continue;
        onJob(job);
        if (isEnded(job)) return;
      }
      // The API process goes away, and another one may serve already.
      await pause(REOPEN_MS, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      // A connection that broke while it was read is a TypeError of fetch: as passing as one that never came about.
      await patience.bear(error instanceof TypeError ? new UnreachableError(location.origin) : error);
    }
  }
}

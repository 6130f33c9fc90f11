import { ProblemError, UnreachableError } from '../../shared/client/errors.js';
import { pause } from '../../shared/process/pause.js';
import { Patience } from '../../shared/client/retry.js';
import type { StatsBody } from '../../shared/contract/stats.js';
import { type DashboardApi, isStats } from './api.js';
import { readEvents } from './server-events.js';

/** State of the page's connection to the service. */
export type Connection = 'connecting' | 'live' | 'redis-away' | 'unreachable' | 'key-needed';

export interface LiveStatsListener {
  onStats: (stats: StatsBody) => void;
  onConnection: (connection: Connection) => void;
}

/** A stream that says nothing for so long hangs, in ms: it sends every second. */
const SILENCE_MS = 10_000;
const RETRY_MS = 3_000;

/** Follows the figures for as long as the page is open: comes back by itself, sooner at first, then later. */
export async function followStats(api: DashboardApi, listener: LiveStatsListener): Promise<never> {
  const patience = new Patience({ outageMs: Number.POSITIVE_INFINITY });
  for (;;) {
    try {
      await readStream(api, listener, () => patience.restore());
      // Ended in good order: that process goes away, and another one may serve already.
      await pause(500);
    } catch (error) {
      const needsKey = error instanceof ProblemError && [401, 403].includes(error.problem.status);
      listener.onConnection(needsKey ? 'key-needed' : 'unreachable');
      // A stream that broke or fell silent is as passing as one that never came about.
      const cause = error instanceof ProblemError ? error : new UnreachableError(location.origin);
      if (needsKey) await pause(RETRY_MS);
      else await patience.bear(cause).catch(() => pause(RETRY_MS));
    }
  }
}

async function readStream(
  api: DashboardApi,
  { onStats, onConnection }: LiveStatsListener,
  onEvent: () => void,
): Promise<void> {
  const silence = new AbortController();
  const isSilent = (): void => silence.abort(new Error('nothing came for a while'));
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const response = await api.stream({ path: '/stats/stream', signal: silence.signal });
    timer = setTimeout(isSilent, SILENCE_MS);
    for await (const { event, data } of readEvents(response)) {
      clearTimeout(timer);
      timer = setTimeout(isSilent, SILENCE_MS);
      onEvent();
      const body: unknown = JSON.parse(data);
      if (event === 'problem') onConnection('redis-away');
      if (event !== 'stats' || !isStats(body)) continue;
      onConnection('live');
      onStats(body);
    }
  } finally {
    clearTimeout(timer);
  }
}

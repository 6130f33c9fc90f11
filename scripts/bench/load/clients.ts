import { RawConnection } from './raw-connection.js';

/** Result of a crowd of clients. */
export interface LoadResult {
  /** Things done a second. */
  perSecond: number;
  /** Requests that were sent. */
  requests: number;
  /** From the start of each thing to its end, in ms. */
  latenciesMs: number[];
}

/** Number of clients, and their end: after a time, after that many things altogether, or when a signal is aborted. */
export interface Load {
  port: number;
  clients: number;
  until: { ms: number } | { count: number } | AbortSignal;
}

/** One thing that a client does, over and over, on its own connection. */
export type Act = (connection: RawConnection) => Promise<void>;

/** Runs clients side by side, each doing one thing after another. Rejects with the first thing that fails. */
export async function runClients({ port, clients, until }: Load, act: Act): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  let begun = 0;
  let requests = 0;
  const startMs = performance.now();
  const goesOn = (): boolean => {
    if (until instanceof AbortSignal) return !until.aborted;
    return 'ms' in until ? performance.now() - startMs < until.ms : begun < until.count;
  };
  const client = async (): Promise<void> => {
    const connection = new RawConnection(port);
    try {
      while (goesOn()) {
        begun += 1;
        const sinceMs = performance.now();
        await act(connection);
        latenciesMs.push(performance.now() - sinceMs);
      }
    } finally {
      requests += connection.sent;
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { perSecond: latenciesMs.length / ((performance.now() - startMs) / 1000), requests, latenciesMs };
}

/**
 * Bounds of the time that clients may take, of the bytes that they may send before a route looks at them, and of the
 * requests that may be held at a time. A client that is too slow loses its connection, and all that it holds here is freed.
 */
export interface ClientLimits {
  /** From the first byte of a request to the end of its headers, in ms. */
  headersMs: number;
  /** All headers of a request together, request line included. */
  headerBytes: number;
  /** From the headers to the end of the body of one job, in ms. */
  bodyMs: number;
  /** Without a byte of a batch's upload while more of it is wanted, in ms. */
  uploadIdleMs: number;
  /** Longest that a chunk of an upload waits for room in its queue, in ms; the sender is paused meanwhile. */
  roomMs: number;
  /** Time for which the rest of a refused body is read and dropped, so that the client gets to see the answer, in ms. */
  refusedMs: number;
  /** From the first byte of a request to the end of its body, in ms: a million rows over a slow line. */
  requestMs: number;
  /** Without a byte in either direction while a request is under way, in ms: longer than the longest wait. */
  idleMs: number;
  /** Between two requests of a connection, in ms: longer than the minute after which load balancers usually hang up. */
  keepAliveMs: number;
  /** Time between two checks of `headersMs` and `requestMs`, in ms. */
  checkEveryMs: number;
  /** Requests held at a time until a job ends; each costs about a kilobyte and one Redis read a second. */
  waits: number;
  /** Streams held at a time; each costs a socket, and one of a job a Redis read a second. */
  streams: number;
  /** Between two looks at a record whose end is waited for: an announcement may get lost with a connection, in ms. */
  rereadMs: number;
  /** Longest that a poll of a job that has not ended is held, in ms: 20 by the contract, of which a timer may take 5. */
  holdMs: number;
  /** Time for which a process that was told to stop answers on new and idle connections, in ms. */
  lingerMs: number;
}

/** The limits of the service. */
export const CLIENT_LIMITS: Readonly<ClientLimits> = {
  headersMs: 10_000,
  headerBytes: 16_384,
  bodyMs: 30_000,
  uploadIdleMs: 30_000,
  roomMs: 10_000,
  refusedMs: 2_000,
  requestMs: 3_600_000,
  idleMs: 120_000,
  keepAliveMs: 65_000,
  checkEveryMs: 2_000,
  waits: 10_000,
  streams: 1_000,
  rereadMs: 1_000,
  holdMs: 15,
  lingerMs: 1_000,
};

import { join } from 'node:path';
import { syntheticTrips } from '../../trips/synthetic-trips.js';
import { requestText } from '../load/raw-connection.js';
import type { BenchHost } from '../service.js';
import { type Child, startReporting } from './child.js';
import { MANY } from './subject.js';

const TRIPS = 1_000;

/** Folder of the programs that the benchmark compares with. */
export const peerFolder = ({ root }: BenchHost): string => join(root, 'scripts/bench/peers');

/** The package of the model that all single jobs run, ours and theirs. */
export const LINEAR_MODEL = 'trip-duration-linear';
export const linearModelFolder = ({ root }: BenchHost): string => join(root, 'model', LINEAR_MODEL);

/** Whole requests that post made-up trips, each as `bodyOf` writes it. */
export function tripRequests(
  path: string,
  {
    bodyOf = (trip) => trip,
    headers = {},
  }: { bodyOf?: (trip: string) => string; headers?: Readonly<Record<string, string>> } = {},
): string[] {
  const trips = syntheticTrips();
  return Array.from({ length: TRIPS }, () => requestText('POST', path, { headers, body: bodyOf(trips()) }));
}

/** Whole requests that post {@link MANY} made-up trips each, as `bodyOf` writes them. */
export function manyTrips(
  path: string,
  bodyOf: (trips: readonly string[]) => string,
  headers: Readonly<Record<string, string>> = {},
): string[] {
  const trips = syntheticTrips();
  return Array.from({ length: 16 }, () =>
    requestText('POST', path, { headers, body: bodyOf(Array.from({ length: MANY }, trips)) }),
  );
}

/** Length of the inputs that these requests carry, in bytes. */
export function meanInputBytes(): number {
  const trips = syntheticTrips();
  return Array.from({ length: TRIPS }, () => trips().length).reduce((sum, length) => sum + length) / TRIPS;
}

/** Starts a Node program of the peers' folder; resolves to it and to the number that it reports. */
export const startPeer = (
  host: BenchHost,
  program: string,
  ...args: string[]
): Promise<{ child: Child; reported: number }> =>
  startReporting({
    command: process.execPath,
    args: [join(peerFolder(host), program), ...args],
    env: { ...host.env, NODE_ENV: 'production' },
    cwd: host.root,
  });

/** Tells whether an answer holds a text; throws when it holds the text of a failure. */
export const holding =
  (text: string, failure: string) =>
  (body: Buffer): boolean => {
    if (body.includes(text)) return true;
    if (body.includes(failure)) throw new Error(`a job has failed: ${body.toString().slice(0, 300)}`);
    return false;
  };

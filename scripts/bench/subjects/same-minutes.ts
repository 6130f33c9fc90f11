import { loadModelRuntime } from '../../../worker/inference/child/model-runtime.js';
import { syntheticTrips } from '../../trips/synthetic-trips.js';
import { RawConnection } from '../load/raw-connection.js';
import type { BenchHost } from '../service.js';
import { linearModelFolder } from './peer.js';
import type { Subject } from './subject.js';

const TRIPS = 20;
/** Services add in doubles or in floats. */
const TOLERANCE_MINUTES = 0.001;

/** Rejects where a service answers the first trips with other minutes than the linear model on our engine. */
export async function checkMinutes(host: BenchHost, { name, port, asks }: Subject): Promise<void> {
  const runtime = await loadModelRuntime(linearModelFolder(host));
  const columns = runtime.layout.allocate(TRIPS);
  const trips = Array.from({ length: TRIPS }, syntheticTrips());
  trips.forEach((trip, row) =>
    runtime.layout.write(columns, row, JSON.parse(trip) as Record<string, unknown>),
  );
  const [wanted] = (await runtime.predict(columns)).outputs;
  runtime.dispose();
  const connection = new RawConnection(port);
  try {
    for (const [row, request] of asks.slice(0, TRIPS).entries()) {
      const body = (await connection.send(request)).body.toString();
      const minutes = Number(/"duration":\s*(-?[\d.e-]+)/.exec(body)?.[1]);
      if (Math.abs(minutes - (wanted?.[row] ?? Number.NaN)) < TOLERANCE_MINUTES) continue;
      throw new Error(`${name} answers ${trips[row]} with ${body} instead of ${wanted?.[row]} minutes`);
    }
  } finally {
    connection.close();
  }
}

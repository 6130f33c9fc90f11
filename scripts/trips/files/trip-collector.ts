import { DURATION_RANGE_MINUTES, type RecordedTrip, type Trips } from '../trips.js';
import { knownZone } from '../zones.js';

const FIRST_CAPACITY = 1 << 14;

/** Gathers trips of 1 to 60 minutes, in the order they come, into columns that grow by doubling. */
export class TripCollector {
  #columns = allocate(FIRST_CAPACITY);
  #kept = 0;
  #read = 0;

  /** Rows offered so far, kept or not. */
  get read(): number {
    return this.#read;
  }

  add(trip: RecordedTrip): void {
    this.#read++;
    const minutes = (trip.dropoffLocalMs - trip.pickupLocalMs) / 60_000;
    const { minimum, maximum } = DURATION_RANGE_MINUTES;
    if (!(minutes >= minimum && minutes <= maximum)) return;
    if (this.#kept === this.#columns.pickupZone.length) this.#columns = doubled(this.#columns);
    const row = this.#kept++;
    this.#columns.pickupZone[row] = knownZone(trip.pickupZone);
    this.#columns.dropoffZone[row] = knownZone(trip.dropoffZone);
    this.#columns.distanceMiles[row] = Number.isFinite(trip.distanceMiles) ? trip.distanceMiles : 0;
    this.#columns.pickupLocalMs[row] = trip.pickupLocalMs;
    this.#columns.durationMinutes[row] = minutes;
  }

  /** The trips kept so far. */
  trips(): Trips {
    const end = this.#kept;
    return {
      length: end,
      pickupZone: this.#columns.pickupZone.subarray(0, end),
      dropoffZone: this.#columns.dropoffZone.subarray(0, end),
      distanceMiles: this.#columns.distanceMiles.subarray(0, end),
      pickupLocalMs: this.#columns.pickupLocalMs.subarray(0, end),
      durationMinutes: this.#columns.durationMinutes.subarray(0, end),
    };
  }
}

type Columns = Omit<Trips, 'length'>;

const allocate = (rows: number): Columns => ({
  pickupZone: new Int32Array(rows),
  dropoffZone: new Int32Array(rows),
  distanceMiles: new Float64Array(rows),
  pickupLocalMs: new Float64Array(rows),
  durationMinutes: new Float64Array(rows),
});

function doubled(old: Columns): Columns {
  const columns = allocate(old.pickupZone.length * 2);
  columns.pickupZone.set(old.pickupZone);
  columns.dropoffZone.set(old.dropoffZone);
  columns.distanceMiles.set(old.distanceMiles);
  columns.pickupLocalMs.set(old.pickupLocalMs);
  columns.durationMinutes.set(old.durationMinutes);
  return columns;
}

/** The largest TLC zone id; 264 and 265 stand for "unknown" and "outside of NYC" and are ordinary rows. */
export const LAST_ZONE = 265;

/** Rows of a table by zone: row 0 is the unknown zone, and so is the last one, where ids past 265 end up. */
export const ZONE_ROWS = LAST_ZONE + 2;

/** Rows of a table by origin and destination, at {@link pairIndex}. */
export const PAIR_ROWS = ZONE_ROWS * ZONE_ROWS;

/** Row of an origin and a destination, both in 0..266, in a table by pair. */
export const pairIndex = (pickupZone: number, dropoffZone: number): number =>
  pickupZone * ZONE_ROWS + dropoffZone;

/** A zone id as recorded, or 0 where it is none. */
export const knownZone = (recorded: number): number =>
  Number.isInteger(recorded) && recorded >= 1 && recorded <= LAST_ZONE ? recorded : 0;

/** One value that one run of a measure found. */
export interface Reading {
  figure: string;
  unit: string;
  value: number;
}

/** Something to be measured once a round. */
export interface Measure {
  name: string;
  /** Called once before the first round, so that no round pays for compiling, connecting or filling caches. */
  warmUp?: (() => Promise<unknown>) | undefined;
  run: () => Promise<Reading[]>;
}

/** Measures that share services. */
export interface MeasureGroup {
  measures: readonly Measure[];
  /** Ends the services that the measures have started. */
  stop?: (() => Promise<void>) | undefined;
}

/** One value that one run of a measure found. */
export interface Reading {
  figure: string;
  unit: string;
  value: number;
}

/** Something to be measured once a round. */
export interface Measure {
  name: string;
  /** Called once before the first round, so that what is compiled, connected and cached is so in all of them. */
  warmUp?: (() => Promise<unknown>) | undefined;
  run: () => Promise<Reading[]>;
}

/** Measures that share what they start. */
export interface MeasureGroup {
  measures: readonly Measure[];
  /** Ends what the measures have started. */
  stop?: (() => Promise<void>) | undefined;
}

/** One value that one run of a measure found. */
export interface Reading {
  figure: string;
  unit: string;
  value: number;
}

/** Something to be measured once a round. */
export interface Measure {
  name: string;
  /**
   * Called before every run, so that none pays for compiling, connecting or filling caches. Once would not do: V8 drops compiled
   * code of a process that had nothing to do for 45 s, and an API needs twice the CPU for its next 5,000 jobs (Node 20).
   */
  warmUp?: (() => Promise<unknown>) | undefined;
  run: () => Promise<Reading[]>;
}

/** Measures that share services. */
export interface MeasureGroup {
  measures: readonly Measure[];
  /** Ends the services that the measures have started. */
  stop?: (() => Promise<void>) | undefined;
}

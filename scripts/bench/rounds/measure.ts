/** What one run of a measure found. */
export interface Reading {
  figure: string;
  unit: string;
  value: number;
}

/** Something to be measured once a round. */
export interface Measure {
  name: string;
  /** Called once before the first round, so that what is compiled, connected and cached is so in all of them. */
  warmUp?: () => Promise<unknown>;
  run: () => Promise<Reading[]>;
}

import type { InputFormat } from './input/open-source.js';

/** What `waggle batch FILE` is told. */
export interface BatchRequest {
  input: string;
  format: InputFormat;
  out: string;
  /** Undefined: the server's default. */
  model: string | undefined;
  /** Column by member, where they have different names. */
  renamed: ReadonlyMap<string, string>;
  /** Column of what happened. */
  actual: string | undefined;
  mode: 'batch' | 'jobs';
  rowsPerPart: number;
  /** Jobs under way at a time. */
  concurrency: number;
  /** Compress what goes over the line. */
  gzip: boolean;
  /** Begin anew whatever the checkpoint says. */
  restart: boolean;
  /** Replace a file that is there already. */
  force: boolean;
  /** How long the server may be away, in ms. */
  outageMs: number;
}

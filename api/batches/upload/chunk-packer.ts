import type { ValidateFunction } from 'ajv';
import type { NewChunk } from '../../../shared/batches/batch-store.js';
import { encodeChunk } from '../../../shared/batches/chunk-codec.js';
import type { RowErrors } from '../../../shared/batches/batch-store.js';
import type { Columns, ColumnLayout } from '../../../shared/model/columns.js';
import type { FieldProblem } from '../../../shared/contract/problem.js';
import { charsOf, ROW_LIMITS, violationsOf } from '../../../shared/validation/ajv.js';
import type { Row } from './rows.js';

/** The parts of a model that a packer needs. */
export interface PackerModel {
  layout: ColumnLayout;
  /** Checks one input. */
  validate: ValidateFunction;
}

/** Most characters of broken rules that one batch keeps; later rows say only that they break rules. */
const BATCH_CHARS = 2_097_152;
const NOT_LISTED: FieldProblem[] = [
  { pointer: '#', detail: 'breaks rules, which are not listed: those of the rows before are too many' },
];

/** Most bytes of the columns of one chunk: Redis, worker and inference process hold several at a time. */
const CHUNK_LIMIT_BYTES = 4_194_304;

/** Rows of a full chunk of a model: `most`, fewer where rows are large. */
export const chunkRowsOf = ({ layout }: Pick<PackerModel, 'layout'>, most: number): number =>
  Math.max(1, Math.min(most, Math.floor(CHUNK_LIMIT_BYTES / layout.rowBytes)));

/** Validates rows and packs them into the columns of one chunk after the other. A bad row leaves a hole. */
export class ChunkPacker {
  readonly #model: PackerModel;
  #columns: Columns;
  #taken = 0;
  #slots = 0;
  #invalid: RowErrors = {};
  #invalidRows = 0;
  #charsLeft = BATCH_CHARS;

  constructor(
    model: PackerModel,
    /** Rows of a full chunk. */
    readonly chunkRows: number,
  ) {
    this.#model = model;
    this.#columns = model.layout.allocate(chunkRows);
  }

  get isEmpty(): boolean {
    return this.#slots === 0;
  }

  /** Rows that the chunk can still take: with none it has to be taken. */
  get room(): number {
    return this.chunkRows - this.#slots;
  }

  /** Packs a row, or keeps its errors; whether it is valid. */
  add(row: Row): boolean {
    const slot = this.#slots++;
    const { validate, layout } = this.#model;
    if ('value' in row && validate(row.value)) {
      layout.write(this.#columns, slot, row.value as Record<string, unknown>);
      return true;
    }
    const violations =
      this.#charsLeft <= 0
        ? NOT_LISTED
        : 'value' in row
          ? violationsOf(validate, '#', ROW_LIMITS)
          : [{ pointer: '#', detail: row.unreadable }];
    for (const violation of violations) this.#charsLeft -= charsOf(violation);
    this.#invalid[slot] = violations;
    this.#invalidRows += 1;
    return false;
  }

  /** The chunk so far; the next row starts a new one. */
  take(): NewChunk {
    const chunk = {
      number: this.#taken++,
      rows: this.#slots - this.#invalidRows,
      columns: encodeChunk(this.#model.layout, {
        columns: { rows: this.#slots, arrays: this.#columns.arrays },
        holes: Uint32Array.from(Object.keys(this.#invalid), Number),
      }),
      invalid: this.#invalid,
    };
    this.#columns = this.#model.layout.allocate(this.chunkRows);
    this.#slots = 0;
    this.#invalid = {};
    this.#invalidRows = 0;
    return chunk;
  }
}

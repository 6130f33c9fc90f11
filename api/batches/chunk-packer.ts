import type { ValidateFunction } from 'ajv';
import type { NewChunk } from '../../shared/batches/batch-store.js';
import { encodeChunk } from '../../shared/batches/chunk-codec.js';
import type { RowErrors } from '../../shared/batches/row-errors.js';
import type { ColumnBatch, ColumnLayout } from '../../shared/model/columns.js';
import { violationsOf } from '../../shared/validation/ajv.js';
import type { Row } from './rows.js';

/** What a packer needs to know of a model. */
export interface PackerModel {
  layout: ColumnLayout;
  /** Checks one input. */
  validate: ValidateFunction;
}

/** A row of thousands of unknown members is not answered with as many lines. */
const VIOLATIONS_PER_ROW = 10;

/** Validates rows and packs them into the columns of one chunk after the other. A bad row leaves a hole. */
export class ChunkPacker {
  readonly #model: PackerModel;
  readonly #columns: ColumnBatch;
  #taken = 0;
  #slots = 0;
  #invalid: RowErrors = {};
  #invalidRows = 0;

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

  /** Packs a row; true when the chunk is full and has to be taken. */
  add(row: Row): boolean {
    const slot = this.#slots++;
    const { validate, layout } = this.#model;
    if ('value' in row && validate(row.value)) {
      layout.write(this.#columns, slot, row.value as Record<string, unknown>);
    } else {
      this.#invalid[slot] =
        'value' in row
          ? violationsOf(validate).slice(0, VIOLATIONS_PER_ROW)
          : [{ pointer: '#', detail: row.unreadable }];
      this.#invalidRows += 1;
    }
    return this.#slots === this.chunkRows;
  }

  /** The chunk so far; the next row starts a new one. */
  take(): NewChunk {
    const chunk = {
      number: this.#taken++,
      rows: this.#slots - this.#invalidRows,
      columns: encodeChunk(this.#model.layout, {
        batch: { rows: this.#slots, arrays: this.#columns.arrays },
        holes: Uint32Array.from(Object.keys(this.#invalid), Number),
      }),
      invalid: this.#invalid,
    };
    for (const array of this.#columns.arrays) array.fill(0);
    this.#slots = 0;
    this.#invalid = {};
    this.#invalidRows = 0;
    return chunk;
  }
}

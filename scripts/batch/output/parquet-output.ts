import {
  type AsyncBuffer,
  type ColumnChunk,
  type FileMetaData,
  parquetMetadataAsync,
  parquetSchema,
  type SchemaElement,
} from 'hyparquet';
import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer';
import { rowErrorText } from '../../../shared/text/cells.js';
import { numberOf } from '../input/sample.js';
import { type ColumnKind, InputFileError, type SourcePage } from '../input/source.js';
import {
  carriedNames,
  ERROR_COLUMN,
  type OutcomeTaker,
  type Output,
  type OutputColumns,
} from './output-format.js';
import type { Sink } from './sink.js';

/** Rows of text become a row group when they are so many, or fill so many pages of the input. */
const GROUP = { rows: 65_536, pages: 256 } as const;
/** A commit writes a footer, which stays in the file when rows follow it: such footers are at most this share of it. */
const MOST_FOOTERS = 1 / 20;

/**
 * A Parquet file. Rows of a Parquet file keep their row groups and the bytes of their columns, whatever their types and
 * encodings; rows of text have DOUBLE, BOOLEAN and STRING columns, by what the first rows hold. Results are DOUBLE, the
 * error is a STRING; no column has statistics. After a commit the file is whole, and what follows is written behind
 * its footer: a reader looks at the last footer only, whose offsets are from the start of the file.
 */
export class ParquetOutput implements Output {
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  readonly #sink: Sink;
  readonly #columns: OutputColumns;
  readonly #names: ReadonlyMap<string, string>;
  readonly #carried: readonly CarriedColumn[];
  readonly #results: unknown[][];
  #errors: (string | undefined)[] = [];
  readonly #misfits = new Set<string>();
  readonly #leftOut = new Set<string>();
  #pages = 0;
  /** Length of the last footer, and of the file with it. */
  #footer = { bytes: 0, end: 0 };

  private constructor(sink: Sink, columns: OutputColumns, input: FileMetaData | undefined) {
    this.#sink = sink;
    this.#columns = columns;
    this.#names = carriedNames(columns);
    const { columns: names, kinds } = columns.source;
    this.#carried = input ? [] : names.map((name) => ({ name, kind: kinds.get(name) ?? 'text', values: [] }));
    this.#results = columns.outputs.map(() => []);
    const own = this.#carried.map(({ name, kind }) => elementOf(this.#nameOf(name), kind));
    const results = columns.outputs.map((name) => elementOf(name, 'number'));
    const schema = [...(input ? this.#renamed(input) : own), ...results, elementOf(ERROR_COLUMN, 'text')];
    const root = { name: 'schema', num_children: names.length + results.length + 1 };
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [root, ...schema],
      statistics: false,
      createdBy: 'waggle',
    });
  }

  /** `written`: the file as it was committed, undefined for a new one. */
  static async open(
    sink: Sink,
    columns: OutputColumns,
    written: AsyncBuffer | undefined,
  ): Promise<ParquetOutput> {
    const { parquet } = columns.source;
    const asWritten = { geoparquet: false };
    const output = new ParquetOutput(
      sink,
      columns,
      parquet && (await parquetMetadataAsync(parquet.file, asWritten)),
    );
    if (written) output.#goOn(await parquetMetadataAsync(written, asWritten));
    return output;
  }

  get isWhole(): boolean {
    const written = this.#sink.bytes - this.#footer.end;
    return this.#rows === 0 && this.#footer.bytes <= written * MOST_FOOTERS;
  }

  rowsOf(page: SourcePage): OutcomeTaker<void> {
    this.#pages += 1;
    const { objects, column } = this.#carried.length > 0 ? page.values() : NOTHING;
    const known = new Set(this.#columns.source.columns);
    const carried = this.#carried.map(({ name, kind, values }) => {
      const [cell, read] = [CELLS[kind], column(name)];
      return (row: number): void => {
        const value = read(row);
        const fits = value === undefined || value === null ? undefined : cell(value);
        const isLost = fits === undefined && value !== undefined && value !== null && value !== '';
        if (isLost) this.#misfits.add(name);
        values.push(fits);
      };
    });
    const outputs = this.#columns.outputs.map((name, at) => [name, this.#results[at] ?? []] as const);
    return (row, outcome, error) => {
      for (const carry of carried) carry(row);
      for (const name in objects?.[row]) if (!known.has(name)) this.#leftOut.add(name);
      for (const [name, results] of outputs) {
        const value = error ? undefined : outcome[name];
        results.push(typeof value === 'number' ? value : undefined);
      }
      this.#errors.push(error && rowErrorText(error));
    };
  }

  async flush(): Promise<void> {
    const { parquet } = this.#columns.source;
    const group = parquet?.metadata.row_groups[this.#writer.row_groups.length];
    const isFull = parquet
      ? this.#rows === Number(group?.num_rows)
      : this.#rows >= GROUP.rows || this.#pages >= GROUP.pages;
    if (!isFull || this.#rows === 0) return;
    await this.#writeGroup(parquet && { ...parquet, columns: group?.columns ?? [] });
  }

  async commit(): Promise<number> {
    const before = this.#bytes.offset;
    await this.#writer.finish();
    this.#writer.pendingIndexes = [];
    await this.#write();
    this.#footer = { bytes: this.#bytes.offset - before, end: this.#bytes.offset };
    await this.#sink.sync();
    return this.#sink.bytes;
  }

  async finish(): Promise<void> {
    if (this.#rows > 0) await this.#writeGroup(undefined);
    await this.commit();
  }

  notes(): string[] {
    const [misfits, leftOut] = [[...this.#misfits].join(', '), [...this.#leftOut].join(', ')];
    return [
      ...(misfits === ''
        ? []
        : [`no value where columns ${misfits} hold something else than in the first rows`]),
      ...(leftOut === ''
        ? []
        : [`no columns ${leftOut}, which only later rows have: --out x.ndjson keeps them`]),
    ];
  }

  get #rows(): number {
    return this.#errors.length;
  }

  #nameOf(column: string): string {
    return this.#names.get(column) ?? column;
  }

  /** The elements of an input file's schema, but for its root, with the names of the output. */
  #renamed(input: FileMetaData): SchemaElement[] {
    const columns = new Set(parquetSchema(input).children.map(({ element }) => element));
    return input.schema
      .slice(1)
      .map((element) =>
        columns.has(element) ? Object.assign({}, element, { name: this.#nameOf(element.name) }) : element,
      );
  }

  #goOn({ row_groups: groups, num_rows: rows }: FileMetaData): void {
    this.#writer.row_groups = groups;
    this.#writer.num_rows = rows;
    this.#bytes.index = 0;
    this.#bytes.offset = this.#sink.bytes;
    this.#footer = { bytes: 0, end: this.#sink.bytes };
  }

  /** Writes the rows that are kept as a row group: behind the columns of the input's own group, where it is copied. */
  async #writeGroup(copied: CopiedGroup | undefined): Promise<void> {
    const chunks: ColumnChunk[] = [];
    if (copied) for (const chunk of copied.columns) chunks.push(await this.#copyColumn(copied, chunk));
    const column = (name: string, data: unknown[]): ColumnSource => ({ name, data, offsetIndex: false });
    const columnData = [
      ...this.#carried.map(({ name, values }) => column(this.#nameOf(name), values)),
      ...this.#columns.outputs.map((name, at) => column(name, this.#results[at] ?? [])),
      column(ERROR_COLUMN, this.#errors),
    ];
    await this.#writer.write({ columnData, rowGroupSize: this.#rows });
    const group = this.#writer.row_groups.at(-1);
    if (group) group.columns = [...chunks, ...group.columns];
    for (const { meta_data: meta } of group ? chunks : []) {
      if (group) group.total_byte_size += meta?.total_uncompressed_size ?? 0n;
    }
    await this.#write();
    for (const values of [...this.#carried.map((one) => one.values), ...this.#results]) values.length = 0;
    this.#errors = [];
    this.#pages = 0;
  }

  /** Copies the bytes of a column as they are; where they are, and its name, change. */
  async #copyColumn(
    { path, file }: CopiedGroup,
    { meta_data: meta, file_path: other }: ColumnChunk,
  ): Promise<ColumnChunk> {
    if (!meta || other !== undefined) {
      throw new InputFileError(path, 'has columns in other files, which Parquet output does not copy');
    }
    const start = Math.min(
      Number(meta.dictionary_page_offset || meta.data_page_offset),
      Number(meta.data_page_offset),
    );
    const bytes = await file.slice(start, start + Number(meta.total_compressed_size));
    const moved = BigInt(this.#bytes.offset - start);
    this.#bytes.appendBytes(new Uint8Array(bytes));
    await this.#write();
    const [column = '', ...inner] = meta.path_in_schema;
    return {
      file_offset: 0n,
      meta_data: {
        type: meta.type,
        encodings: meta.encodings,
        path_in_schema: [this.#nameOf(column), ...inner],
        codec: meta.codec,
        num_values: meta.num_values,
        total_uncompressed_size: meta.total_uncompressed_size,
        total_compressed_size: meta.total_compressed_size,
        data_page_offset: meta.data_page_offset + moved,
        ...(meta.dictionary_page_offset
          ? { dictionary_page_offset: meta.dictionary_page_offset + moved }
          : {}),
      },
    };
  }

  async #write(): Promise<void> {
    await this.#sink.write(this.#bytes.getBytes());
    this.#bytes.index = 0;
  }
}

/** A row group of the input file, whose columns are copied. */
interface CopiedGroup {
  path: string;
  file: AsyncBuffer;
  columns: ColumnChunk[];
}

interface CarriedColumn {
  name: string;
  kind: ColumnKind;
  values: unknown[];
}

const NOTHING = { objects: undefined, column: () => () => undefined };

/** Values as columns of a kind have them; undefined for those that do not fit. */
const CELLS: Readonly<Record<ColumnKind, (value: unknown) => unknown>> = {
  number: numberOf,
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  text: (value) => (typeof value === 'string' ? value : JSON.stringify(value)),
};

const TYPES: Readonly<Record<ColumnKind, Partial<SchemaElement>>> = {
  number: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
};

const elementOf = (name: string, kind: ColumnKind): SchemaElement => ({
  ...TYPES[kind],
  name,
  repetition_type: 'OPTIONAL',
});

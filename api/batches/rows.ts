/** A row as it was read: a value that has yet to be validated, or the reason why there is none. */
export type Row = { value: unknown } | { unreadable: string };

/** Rows of a text that arrives in pieces; each step gives the rows that its piece completed. */
export type RowReader = (text: AsyncIterable<string>) => AsyncIterable<Row[]>;

/** Longest text of one row, in characters: what one job's body may hold, too. */
export const ROW_LIMIT_CHARS = 65_536;

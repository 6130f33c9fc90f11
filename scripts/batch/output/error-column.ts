import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const EMPTY_CELL_BEFORE_LINE_FEED = Buffer.from(',\n');

/** Copies a CSV file with one more column, empty in every row. Resolves to the size of the copy, which is on disk. */
export async function copyWithErrorColumn(
  from: string,
  to: string,
  head: { before: string; after: string },
): Promise<number> {
  const copy = await open(to, 'w');
  try {
    let size = (await copy.write(head.after)).bytesWritten;
    let isQuoted = false;
    for await (const piece of createReadStream(from, { start: Buffer.byteLength(head.before) })) {
      const { parts, endsQuoted } = widen(piece as Buffer, isQuoted);
      isQuoted = endsQuoted;
      const bytes = Buffer.concat(parts);
      await copy.writeFile(bytes);
      size += bytes.length;
    }
    await copy.datasync();
    return size;
  } finally {
    await copy.close();
  }
}

/** Line feeds inside quotes belong to a cell; a doubled quote opens and closes at once. */
function widen(piece: Buffer, startsQuoted: boolean): { parts: Buffer[]; endsQuoted: boolean } {
  const parts: Buffer[] = [];
  let isQuoted = startsQuoted;
  let start = 0;
  for (let at = 0; at < piece.length; at += 1) {
    if (piece[at] === QUOTE) isQuoted = !isQuoted;
    if (piece[at] !== LINE_FEED || isQuoted) continue;
    parts.push(piece.subarray(start, at), EMPTY_CELL_BEFORE_LINE_FEED);
    start = at + 1;
  }
  parts.push(piece.subarray(start));
  return { parts, endsQuoted: isQuoted };
}

/** What a body is made of: pieces of NDJSON, one input a line, in UTF-8. */
export type UploadPieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Inputs of a model. */
export type BatchInputs = Iterable<Record<string, unknown>> | AsyncIterable<Record<string, unknown>>;

/** Characters of a piece: large enough to make the cost of sending one small. */
const PIECE_CHARS = 65_536;

/** Inputs as the pieces of a body. */
export async function* ndjsonPieces(inputs: BatchInputs): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  let text = '';
  for await (const input of inputs) {
    text += `${JSON.stringify(input)}\n`;
    if (text.length < PIECE_CHARS) continue;
    yield encoder.encode(text);
    text = '';
  }
  if (text !== '') yield encoder.encode(text);
}

/** The body itself. The next piece is taken when the connection has room for it. */
export function uploadStream(pieces: UploadPieces, gzip: boolean): ReadableStream<Uint8Array> {
  const iterator =
    Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await iterator.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  return gzip ? stream.pipeThrough(new CompressionStream('gzip')) : stream;
}

/** The pieces of a body: NDJSON in UTF-8, one input a line. */
export type UploadPieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Inputs of a model. */
export type BatchInputs = Iterable<Record<string, unknown>> | AsyncIterable<Record<string, unknown>>;

/** Characters of a piece: large enough to make the cost of sending one small. */
const PIECE_CHARS = 65_536;

/** Writes inputs as pieces of a body. */
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

/** A body under way. */
export interface Upload {
  stream: ReadableStream<Uint8Array>;
  /** Closes the source, however far the body has come: fetch does not always do so when a request fails. */
  release: () => void;
}

/** Makes a body of its pieces. The next piece is taken when the connection has room for it. */
export function startUpload(pieces: UploadPieces, gzip: boolean): Upload {
  const source = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]();
  let isReleased = false;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = isReleased ? undefined : await source.next();
      if (!next || next.done || isReleased) controller.close();
      else controller.enqueue(next.value);
    },
  });
  return {
    stream: gzip ? stream.pipeThrough(gzipper()) : stream,
    release() {
      isReleased = true;
      // A source in the middle of a read closes after that read; nothing waits for it.
      Promise.resolve(source.return?.()).catch(() => undefined);
    },
  };
}

/** Types of Node and of browsers disagree on the input of a compressor; both allow bytes. */
const gzipper = (): { readable: ReadableStream<Uint8Array>; writable: WritableStream } =>
  new CompressionStream('gzip');

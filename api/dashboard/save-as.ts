import { h } from './dom.js';

/** Time for a browser to begin saving a file, in ms. */
const HANDOVER_MS = 60_000;

/**
 * Saves the body of an answer as a file. It is gathered in a Blob, which browsers keep on disk once it is large; `onBytes`
 * is told how much has come, in bytes. Rejects when the answer breaks off: then nothing is saved.
 */
export async function saveAs(
  name: string,
  { body }: Response,
  onBytes: (bytes: number) => void,
): Promise<void> {
  let bytes = 0;
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, out) {
      onBytes((bytes += piece.byteLength));
      out.enqueue(piece);
    },
  });
  const blob = await new Response(body?.pipeThrough(counting)).blob().catch((cause: unknown) => {
    throw new Error('The results broke off and were not saved. Try again.', { cause });
  });
  const href = URL.createObjectURL(blob);
  h('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), HANDOVER_MS);
}

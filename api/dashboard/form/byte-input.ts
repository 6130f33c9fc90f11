import { h, setText } from '../dom.js';
import { formatCount, formatMegabytes } from '../format.js';
import {
  fromBase64,
  middleOf,
  type PictureLayout,
  pictureOf,
  sizeOf,
  toBase64,
  toBytes,
  toRgba,
} from './picture.js';

/** A file picker for the bytes of a tensor. */
export interface ByteInput {
  control: HTMLInputElement;
  /** What is picked. */
  shown: HTMLElement;
  hint: string;
  /** Base64 of what is picked; undefined when nothing is. Rejects with the reason when a file cannot be taken. */
  read: () => Promise<string | undefined>;
}

/** Largest file that is decoded as a picture, in bytes. */
const PICTURE_LIMIT_BYTES = 50_000_000;

/**
 * Makes the picker. `value`: base64 that is taken until a file is picked. A file is either the bytes as they are, or, where
 * the shape is one of pictures, any picture that the browser reads. `fail` is told the reason when a file cannot be taken.
 */
export function createByteInput(
  shape: readonly number[],
  value: unknown,
  fail: (why: string) => void,
): ByteInput {
  const size = sizeOf(shape);
  const layout = pictureOf(shape);
  const control = h('input', { type: 'file' });
  const preview = h('div', { class: 'preview' });
  const note = h('span', { class: 'muted', role: 'status' });
  const example = typeof value === 'string' ? value : undefined;
  let picked: Promise<string | undefined> = Promise.resolve(example);

  const show = (base64: string | undefined): void => {
    preview.replaceChildren(...(layout && base64 !== undefined ? [pictureIn(base64, layout)] : []));
    setText(
      note,
      base64 === undefined ? '' : base64 === example ? "The model's example" : 'As the model gets it',
    );
  };
  show(example);

  control.addEventListener('change', () => {
    const file = control.files?.[0];
    fail('');
    show(file ? undefined : example);
    const reading = file ? bytesOf(file, size, layout).then(toBase64) : Promise.resolve(example);
    picked = reading;
    if (!file) return;
    reading.then(
      (base64) => picked === reading && show(base64),
      (error: Error) => picked === reading && fail(error.message),
    );
  });

  const bytes = `a file of ${formatCount(size)} bytes`;
  const hint = layout
    ? `A picture, of which the middle is scaled to ${layout.width} × ${layout.height} in ${layout.channels === 1 ? 'grey' : 'colour'}, or ${bytes}.`
    : `${bytes.charAt(0).toUpperCase()}${bytes.slice(1)}.`;
  return { control, shown: h('div', { class: 'picked' }, preview, note), hint, read: () => picked };
}

/** The bytes of a picked file. Rejects with the reason when they are neither of the size nor a picture. */
async function bytesOf(file: File, size: number, layout: PictureLayout | undefined): Promise<Uint8Array> {
  if (layout && file.type.startsWith('image/')) {
    if (file.size <= PICTURE_LIMIT_BYTES) return decode(file, layout);
    throw new Error(`is larger than ${formatMegabytes(PICTURE_LIMIT_BYTES)}`);
  }
  if (file.size === size) return new Uint8Array(await file.arrayBuffer());
  const orPicture = layout ? ' or a picture' : '';
  throw new Error(`must be ${formatCount(size)} bytes${orPicture}, and is ${formatCount(file.size)} bytes`);
}

async function decode(file: File, layout: PictureLayout): Promise<Uint8Array> {
  const picture = await createImageBitmap(file).catch((cause: unknown) => {
    throw new Error('is no picture that this browser reads', { cause });
  });
  const { canvas, pen } = canvasOf(layout);
  const { x, y, width, height } = middleOf(picture, layout);
  // Transparent parts become white, as on paper.
  pen.fillStyle = 'white';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(picture, x, y, width, height, 0, 0, canvas.width, canvas.height);
  picture.close();
  return toBytes(pen.getImageData(0, 0, canvas.width, canvas.height).data, layout);
}

/** The picture that is in base64. Throws when the text is no base64. */
export function pictureIn(base64: string, layout: PictureLayout): HTMLElement {
  const { canvas, pen } = canvasOf(layout);
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `Picture of ${layout.width} × ${layout.height}`);
  pen.putImageData(new ImageData(toRgba(fromBase64(base64), layout), layout.width), 0, 0);
  return canvas;
}

function canvasOf({ width, height }: PictureLayout) {
  const canvas = h('canvas', { width, height });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  if (!pen) throw new Error('this browser has no canvas');
  return { canvas, pen };
}

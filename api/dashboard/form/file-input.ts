import { type PictureLayout, pictureOf } from '../../../shared/model/picture.js';
import { h, setText } from '../dom.js';
import { formatCount, formatMegabytes } from '../format.js';
import { fromBase64, middleOf, sizeOf, toBase64, toBytes, toRgba } from './picture.js';

/** A file picker for a member that is bytes in base64. */
export interface FileInput {
  control: HTMLInputElement;
  /** What is picked. */
  shown: HTMLElement;
  hint: string;
  /** Base64 of what is picked; undefined when nothing is. Rejects with the reason when a file cannot be taken. */
  read: () => Promise<string | undefined>;
}

/** What a picker does with a file. */
interface FileKind {
  hint: string;
  /** Said of a file that is picked. */
  note: string;
  preview: (base64: string) => HTMLElement | undefined;
  /** The bytes to send. Rejects with the reason when a file cannot be taken. */
  read: (file: File) => Promise<Uint8Array>;
}

/** Largest file that is read, in bytes. */
const PICTURE_LIMIT_BYTES = 50_000_000;

/** Makes the picker. `value`: base64 that is taken until a file is picked. `fail` is told why a file cannot be taken. */
export function createFileInput(kind: FileKind, value: unknown, fail: (why: string) => void): FileInput {
  const control = h('input', { type: 'file' });
  const preview = h('div', { class: 'preview' });
  const note = h('span', { class: 'muted', role: 'status' });
  const example = typeof value === 'string' ? value : undefined;
  let picked: Promise<string | undefined> = Promise.resolve(example);

  const show = (base64: string | undefined): void => {
    const picture = base64 === undefined ? undefined : kind.preview(base64);
    preview.replaceChildren(...(picture ? [picture] : []));
    setText(note, base64 === undefined ? '' : base64 === example ? "The model's example" : kind.note);
  };
  show(example);

  control.addEventListener('change', () => {
    const file = control.files?.[0];
    fail('');
    show(file ? undefined : example);
    const reading = file ? kind.read(file).then(toBase64) : Promise.resolve(example);
    picked = reading;
    if (!file) return;
    reading.then(
      (base64) => picked === reading && show(base64),
      (error: Error) => picked === reading && fail(error.message),
    );
  });
  return {
    control,
    shown: h('div', { class: 'picked' }, preview, note),
    hint: kind.hint,
    read: () => picked,
  };
}

/** An image file, sent as it is. */
export const IMAGE: FileKind = {
  hint: 'A JPEG, PNG or WebP file.',
  note: 'As it is sent',
  preview: imageIn,
  async read(file) {
    requireSize(file);
    return new Uint8Array(await file.arrayBuffer());
  },
};

/** The bytes of a tensor: a file of them as they are or, where the shape is one of pictures, any that the browser reads. */
export function bytesOf(shape: readonly number[]): FileKind {
  const size = sizeOf(shape);
  const layout = pictureOf(shape);
  const bytes = `a file of ${formatCount(size)} bytes`;
  return {
    hint: layout
      ? `A picture, of which the middle is scaled to ${layout.width} × ${layout.height} in ${layout.channels === 1 ? 'grey' : 'colour'}, or ${bytes}.`
      : `${bytes.charAt(0).toUpperCase()}${bytes.slice(1)}.`,
    note: 'As the model gets it',
    preview: (base64) => layout && pictureIn(base64, layout),
    async read(file) {
      if (layout && file.type.startsWith('image/')) return decode(file, layout);
      if (file.size === size) return new Uint8Array(await file.arrayBuffer());
      const orPicture = layout ? ' or a picture' : '';
      throw new Error(
        `must be ${formatCount(size)} bytes${orPicture}, and is ${formatCount(file.size)} bytes`,
      );
    },
  };
}

function requireSize(file: File): void {
  if (file.size > PICTURE_LIMIT_BYTES) {
    throw new Error(`is larger than ${formatMegabytes(PICTURE_LIMIT_BYTES)}`);
  }
}

async function decode(file: File, layout: PictureLayout): Promise<Uint8Array> {
  requireSize(file);
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

/** The image file that is in base64, or in a data URL. The browser finds its type out. */
export function imageIn(text: string): HTMLElement {
  const src = text.startsWith('data:') ? text : `data:image/png;base64,${text}`;
  return h('img', { src, alt: 'The image that is sent' });
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

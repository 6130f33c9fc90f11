import type { PictureLayout } from '../../../shared/model/picture.js';

/** How many numbers an array of this shape holds. */
export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);

/** The part of a picture, cut to its middle, that has the proportions of the layout. */
export function middleOf(
  { width, height }: { width: number; height: number },
  layout: PictureLayout,
): { x: number; y: number; width: number; height: number } {
  const scale = Math.min(width / layout.width, height / layout.height);
  const [cutWidth, cutHeight] = [layout.width * scale, layout.height * scale];
  return { x: (width - cutWidth) / 2, y: (height - cutHeight) / 2, width: cutWidth, height: cutHeight };
}

/** Red, green, blue and opacity of each pixel as the bytes of a layout; grey is the luma of ITU-R BT.601. */
export function toBytes(rgba: ArrayLike<number>, layout: PictureLayout): Uint8Array {
  const pixels = layout.height * layout.width;
  const bytes = new Uint8Array(pixels * layout.channels);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const [red = 0, green = 0, blue = 0] = [rgba[4 * pixel], rgba[4 * pixel + 1], rgba[4 * pixel + 2]];
    if (layout.channels === 1) bytes[pixel] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    else [red, green, blue].forEach((value, channel) => (bytes[placeOf(pixel, channel, layout)] = value));
  }
  return bytes;
}

/** The bytes of a layout as red, green, blue and full opacity of each pixel. */
export function toRgba(bytes: Uint8Array, layout: PictureLayout): Uint8ClampedArray<ArrayBuffer> {
  const pixels = layout.height * layout.width;
  const rgba = new Uint8ClampedArray(4 * pixels).fill(255);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const own = layout.channels === 1 ? 0 : channel;
      rgba[4 * pixel + channel] = bytes[placeOf(pixel, own, layout)] ?? 0;
    }
  }
  return rgba;
}

const placeOf = (pixel: number, channel: number, { height, width, channels, isPlanar }: PictureLayout) =>
  isPlanar ? channel * height * width + pixel : pixel * channels + channel;

/** Bytes that a call takes as arguments: more would overflow the stack. */
const PIECE_BYTES = 8_192;

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE_BYTES));
  }
  return btoa(text);
}

/** Throws when the text is no base64. */
export const fromBase64 = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

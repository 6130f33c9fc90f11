import type { ManifestColumn } from './manifest.js';

/** A column whose member is an image: a picture as a file, which is decoded where it runs. */
export type ImageColumn = ManifestColumn & { encoding: 'image'; shape: number[] };

/** Media types of images that are taken. */
export const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/webp'] as const;

/** Bytes of an image unless its column says otherwise: a photo of some megapixels. */
const DEFAULT_LIMIT_BYTES = 1_048_576;
/** Most pixels of an image, whatever few bytes it has: its decoder may hold them all at once, at up to 6 bytes each. */
export const IMAGE_LIMIT_PIXELS = 16_777_216;

/** Most bytes of an image of a column. */
export const imageLimitBytes = ({ max_bytes: bytes = DEFAULT_LIMIT_BYTES }: ImageColumn): number => bytes;

const DATA_URL = /^data:image\/[a-z]{3,4};base64,/;
/** Characters before the base64 of a data URL, at most. */
export const DATA_URL_CHARS = 23;

/** The base64 of an image's text, which may be a data URL. */
export const imageBase64 = (text: string): string =>
  text.startsWith('data:') ? text.replace(DATA_URL, '') : text;

/** Why bytes are no image that may be decoded; undefined where they are one, by their header. */
export function problemOfImage(bytes: Buffer): 'is no image' | 'is too large' | undefined {
  const size = sizeOfImage(bytes);
  if (!size) return 'is no image';
  return size.width * size.height > IMAGE_LIMIT_PIXELS ? 'is too large' : undefined;
}

interface Size {
  width: number;
  height: number;
}

/** Width and height in pixels by the header of a JPEG, PNG or WebP file; undefined where it is none, or has lost its header. */
export function sizeOfImage(bytes: Buffer): Size | undefined {
  if (bytes.length < 30) return undefined;
  if (bytes.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n') {
    return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  }
  if (bytes.readUInt16BE(0) === 0xffd8) return sizeOfJpeg(bytes);
  const isWebp = bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP';
  return isWebp ? sizeOfWebp(bytes) : undefined;
}

/** A JPEG is segments: 0xff, their kind, their length with these two bytes. The size stands in the start of the frame. */
function sizeOfJpeg(bytes: Buffer): Size | undefined {
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; ) {
    const kind = bytes[at + 1]!;
    if (kind === 0xff) at += 1;
    else if (kind >= 0xc0 && kind <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(kind)) {
      return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    } else at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}

/** The three kinds of https://developers.google.com/speed/webp/docs/riff_container: extended, lossless, lossy. */
function sizeOfWebp(bytes: Buffer): Size | undefined {
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: 1 + bytes.readUIntLE(24, 3), height: 1 + bytes.readUIntLE(27, 3) };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
    }
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    default:
      return undefined;
  }
}

/** How the bytes of a tensor are a picture: rows of pixels, each of one grey value or of red, green and blue. */
export interface PictureLayout {
  height: number;
  width: number;
  channels: 1 | 3;
  /** Whether a whole channel comes after the other: [channels, height, width]. */
  isPlanar: boolean;
}

/** The layout of a shape [height, width, channels] or [channels, height, width]; undefined where it is no picture's. */
export function pictureOf(shape: readonly number[]): PictureLayout | undefined {
  const [first = 0, second = 0, third = 0] = shape;
  if (shape.length !== 3) return undefined;
  if (third === 1 || third === 3) return { height: first, width: second, channels: third, isPlanar: false };
  return first === 1 || first === 3
    ? { height: second, width: third, channels: first, isPlanar: true }
    : undefined;
}

import { sizeOfImage } from '../../../shared/model/image-members.js';
import { plain, withSharp } from '../../support/photos.js';

withSharp('the size of an image by its header', () => {
  it.each([
    ['a PNG', () => plain(300, 40).png()],
    ['a JPEG', () => plain(300, 40).jpeg()],
    ['a JPEG with metadata', () => plain(300, 40).withMetadata({ orientation: 6 }).jpeg()],
    ['a lossy WebP', () => plain(300, 40).webp()],
    ['a lossless WebP', () => plain(300, 40).webp({ lossless: true })],
    ['a WebP with transparent parts', () => plain(300, 40, { r: 0, g: 0, b: 0, alpha: 0.5 }, 4).webp()],
  ])('is that of %s, or nothing where the header is torn', async (_, make) => {
    const bytes = await make().toBuffer();
    expect(sizeOfImage(bytes)).toEqual({ width: 300, height: 40 });
    const torn = Array.from({ length: 30 }, (__, length) => sizeOfImage(bytes.subarray(0, length)));
    expect(torn.filter((size) => size)).toEqual([]);
  });
});

import { fromBase64, middleOf, toBase64, toBytes, toRgba } from '../../../api/dashboard/form/picture.js';
import { pictureOf } from '../../../shared/model/picture.js';

const GREY = { height: 1, width: 2, channels: 1, isPlanar: false } as const;
const COLOUR = { ...GREY, channels: 3 } as const;
const PLANAR = { ...COLOUR, isPlanar: true } as const;

it.each([
  [[1, 2, 1], GREY],
  [[1, 2, 3], COLOUR],
  [[3, 1, 2], PLANAR],
  [[28, 28], undefined],
  [[5, 4, 2], undefined],
  [[1, 2, 3, 1], undefined],
])('takes the shape %j for the picture %j', (shape, layout) => {
  expect(pictureOf(shape)).toEqual(layout);
});

it.each([
  ['grey', GREY, [88, 255]],
  ['colour', COLOUR, [10, 120, 130, 255, 255, 255]],
  ['planes of colour', PLANAR, [10, 255, 120, 255, 130, 255]],
])('makes bytes of pixels, and pixels of bytes: %s', (_, layout, bytes) => {
  expect([...toBytes([10, 120, 130, 255, 255, 255, 255, 255], layout)]).toEqual(bytes);
  const again = toRgba(Uint8Array.from(bytes), layout);
  expect([...toBytes(again, layout)]).toEqual(bytes);
  expect([again[3], again[7]]).toEqual([255, 255]);
});

it('cuts a picture to the middle that has the proportions of the layout', () => {
  expect(middleOf({ width: 300, height: 100 }, GREY)).toEqual({ x: 50, y: 0, width: 200, height: 100 });
  expect(middleOf({ width: 100, height: 90 }, GREY)).toEqual({ x: 0, y: 20, width: 100, height: 50 });
});

it('writes and reads base64, however long', () => {
  const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
  expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
  expect(fromBase64(toBase64(bytes))).toEqual(bytes);
});

import { MOST_PARTITIONS, partitionTag } from '../../../shared/records/partition-tags.js';
import { SLOTS, slotOf } from '../../../shared/redis/key-slot.js';

it('computes slots by the check value of CRC16/XMODEM', () => {
  expect(slotOf('123456789')).toBe(0x31c3 % SLOTS);
});

it.each([1, 2, 3, 6, 16, MOST_PARTITIONS])(
  'lays %i partitions evenly among the slots, the first at w0',
  (count) => {
    const tags = Array.from({ length: count }, (_, index) => partitionTag({ index, count }));
    expect(tags[0]).toBe('w0');
    expect(new Set(tags).size).toBe(count);
    const windows = tags.map((tag) => Math.floor((slotOf(tag) * count) / SLOTS));
    expect(new Set(windows).size).toBe(count);
  },
);

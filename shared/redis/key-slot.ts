/** Slots of a Redis Cluster. Source: the Redis Cluster specification, "Key distribution model". */
export const SLOTS = 16_384;

/** The slot of a hash tag: its CRC16 (XMODEM), modulo {@link SLOTS}. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % SLOTS;
}

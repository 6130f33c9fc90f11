import type { Redis } from '../../../shared/redis/redis.js';

/** Numbers of Redis's INFO of this moment, by name. The function throws for a name that this Redis does not tell. */
export async function redisInfo(redis: Redis): Promise<(name: string) => number> {
  const text = String(await redis.command(['INFO']));
  const lines = new Map(text.split('\r\n').map((line) => line.split(':', 2) as [string, string]));
  return (name) => {
    const value = Number(lines.get(name));
    if (Number.isNaN(value)) {
      throw new Error(`this Redis does not tell ${name} in INFO: use Redis 6.2 or newer`);
    }
    return value;
  };
}

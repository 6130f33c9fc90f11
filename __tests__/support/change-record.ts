import type { RecordScripts } from '../../shared/records/records.js';

/** Writes the text of a job's record anew, as no script would. */
export async function changeRecord(
  records: RecordScripts,
  id: string,
  change: (text: string) => string,
): Promise<void> {
  const name = records.key(`job:${id}`);
  const text = String(await records.redis.command(['GET', name]));
  await records.redis.command(['SET', name, change(text)]);
}

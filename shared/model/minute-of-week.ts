/** Minutes in a week; `minute_of_week` is 0 for an absent time and 1..10080 otherwise. */
export const MINUTES_PER_WEEK = 7 * 24 * 60;

// Date, time to the minute, and what follows the seconds: nothing, Z, or an offset.
const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)[tT ](\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?(?:([zZ])|([+-])(\d\d):?(\d\d)?)?$/;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * Turns RFC 3339 text into 1 + minutes since Sunday 00:00 in one time zone. Text without an offset is local time
 * in that zone and is taken as it stands; text with one is converted. Gives 0 for text that is no date and time.
 *
 * A zone's offset is looked up once per hour of history and remembered: asking Intl costs microseconds a row.
 */
export function createMinuteOfWeek(timezone: string): (text: string) => number {
  const offsetMinutes = zoneOffsets(timezone);
  return (text) => {
    const parts = DATE_TIME.exec(text);
    if (!parts) return 0;
    const local = Date.UTC(+parts[1]!, +parts[2]! - 1, +parts[3]!, +parts[4]!, +parts[5]!);
    if (parts[6] === undefined && parts[7] === undefined) return oneBasedMinute(local);
    const sign = parts[7] === '-' ? -1 : 1;
    const utc = local - sign * (Number(parts[8] ?? 0) * 60 + Number(parts[9] ?? 0)) * MINUTE_MS;
    return oneBasedMinute(utc + offsetMinutes(utc) * MINUTE_MS);
  };
}

function oneBasedMinute(localMs: number): number {
  const date = new Date(localMs);
  return 1 + date.getUTCDay() * 1440 + date.getUTCHours() * 60 + date.getUTCMinutes();
}

/** Zone offset at an instant, in minutes east of UTC. Offsets change on whole UTC hours in the zones in use today. */
function zoneOffsets(timezone: string): (utcMs: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const known = new Map<number, number>();
  return (utcMs) => {
    const hour = Math.floor(utcMs / HOUR_MS);
    const remembered = known.get(hour);
    if (remembered !== undefined) return remembered;
    if (known.size > 50_000) known.clear();
    const at = Object.fromEntries(
      format.formatToParts(hour * HOUR_MS).map((part) => [part.type, Number(part.value)]),
    );
    const local = Date.UTC(at['year'] ?? 0, Number(at['month']) - 1, at['day'], at['hour'], at['minute']);
    const offset = (local - hour * HOUR_MS) / MINUTE_MS;
    known.set(hour, offset);
    return offset;
  };
}

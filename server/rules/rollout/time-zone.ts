// Local times of IANA time zones, from what the runtime knows of them (Intl).

const DAY_MS = 24 * 3600_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** @returns whether there is a time zone of this name */
export function isTimeZone(name: string): boolean {
  try {
    formatOf(name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** What a clock on the wall shows at an instant, as milliseconds since 1970 if it were UTC. @throws RangeError for no zone */
export function localMs(zone: string, atMs: number): number {
  if (zone === 'UTC') return atMs;
  const shown: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(atMs)) shown[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((atMs % 1000) + 1000) % 1000);
}

/**
 * The instant at which a clock on the wall shows a time. Where the clock is set back and shows it twice, the first; where it
 * is put forward and never shows it, as much later as it was put forward (ECMAScript Temporal, disambiguation "compatible").
 */
export function instantOf(zone: string, wallMs: number): number {
  if (zone === 'UTC') return wallMs;
  const before = wallMs - offsetMs(zone, wallMs - DAY_MS);
  const after = wallMs - offsetMs(zone, wallMs + DAY_MS);
  const shown = [Math.min(before, after), Math.max(before, after)].find((atMs) => localMs(zone, atMs) === wallMs);
  return shown ?? before;
}

const offsetMs = (zone: string, atMs: number): number => localMs(zone, atMs) - atMs;

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: zone, hourCycle: 'h23', calendar: 'gregory', numberingSystem: 'latn' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  formats.set(zone, made);
  return made;
}

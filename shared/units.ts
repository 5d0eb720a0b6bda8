// Numbers as people read them: at most three digits that matter, always with the unit.

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return `${unit === 0 ? scaled : threeDigits(scaled)} ${units[unit]}`;
}

/** How long one picture takes: `4.62 ms`, `412 ms`, `12.3 s`. */
export function latency(ms: number): string {
  return ms < 999.5 ? `${threeDigits(ms)} ms` : `${threeDigits(ms / 1000)} s`;
}

/** How long something went on: `0.4 s`, `12 s`, `2 min 5 s`, `3 h 10 min`, `4 d`. */
export function duration(ms: number): string {
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return twoUnits(seconds, 60, 'min', 's');
  if (seconds < 48 * 3600) return twoUnits(Math.round(seconds / 60), 60, 'h', 'min');
  return `${Math.round(seconds / 86_400)} d`;
}

/** Weights of a model: `2.41 M`. */
export function parameters(count: number): string {
  if (count < 1e3) return String(count);
  if (count < 999_500) return `${threeDigits(count / 1e3)} k`;
  if (count < 999.5e6) return `${threeDigits(count / 1e6)} M`;
  return `${threeDigits(count / 1e9)} B`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function twoUnits(value: number, size: number, large: string, small: string): string {
  const rest = value % size;
  return `${Math.floor(value / size)} ${large}${rest ? ` ${rest} ${small}` : ''}`;
}

/** A point in time, in UTC, to the minute: `2026-01-31 17:05`. */
export function moment(utcMs: number): string {
  return new Date(utcMs).toISOString().slice(0, 16).replace('T', ' ');
}

/** How long ago: `now`, `42 s ago`, `3 h 10 min ago`. */
export function ago(utcMs: number, nowMs: number): string {
  return nowMs - utcMs < 1000 ? 'now' : `${duration(nowMs - utcMs)} ago`;
}

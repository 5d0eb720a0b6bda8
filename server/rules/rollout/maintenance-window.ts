// When a device may be changed: its label `maintenance`, such as `0200-0500` or `sat.sun_0200-0600`, in UTC. A window
// that ends before it begins goes over midnight and belongs to the day on which it begins.

export const MAINTENANCE_LABEL = 'maintenance';
export const WINDOW_FORM =
  'expected hours in UTC such as "0200-0500", with days in front where not every day: "sat.sun_0200-0600"';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const DAY_MS = DAY_MINUTES * MINUTE_MS;

export interface MaintenanceWindow {
  /** 0 is Sunday. */
  readonly days: readonly number[];
  readonly fromMinute: number;
  readonly minutes: number;
}

export type WindowState =
  /** It has no such label. */
  | { readonly kind: 'always' }
  | { readonly kind: 'open' }
  | { readonly kind: 'closed'; readonly opensAtMs: number }
  /** Nobody can tell when the device may be changed, so it is not. */
  | { readonly kind: 'unreadable'; readonly message: string };

export function parseWindow(text: string): MaintenanceWindow | string {
  const unreadable = `${MAINTENANCE_LABEL}=${text}: no maintenance window; ${WINDOW_FORM}`;
  const match = /^(?:([a-z.]+)_)?(\d{2})(\d{2})-(\d{2})(\d{2})$/.exec(text);
  if (!match) return unreadable;
  const days =
    match[1] === undefined ? DAYS.map((_, day) => day) : match[1].split('.').map((day) => DAYS.indexOf(day as 'sun'));
  const [fromHour, fromMinute, toHour, toMinute] = match.slice(2).map(Number) as [number, number, number, number];
  if (days.includes(-1) || fromHour > 23 || toHour > 24 || fromMinute > 59 || toMinute > 59) return unreadable;
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
  if (from === to || to > DAY_MINUTES) return unreadable;
  return { days, fromMinute: from, minutes: to > from ? to - from : to + DAY_MINUTES - from };
}

/** Whether a device with these labels may be changed now, or when next. */
export function windowState(labels: Readonly<Record<string, string>>, nowMs: number): WindowState {
  const text = labels[MAINTENANCE_LABEL];
  if (text === undefined) return { kind: 'always' };
  const window = parseWindow(text);
  if (typeof window === 'string') return { kind: 'unreadable', message: window };
  const midnight = Math.floor(nowMs / DAY_MS) * DAY_MS;
  // From yesterday, whose window may go over midnight, to the same day of next week.
  for (let day = -1; day <= 7; day++) {
    const startOfDay = midnight + day * DAY_MS;
    if (!window.days.includes(new Date(startOfDay).getUTCDay())) continue;
    const opensAtMs = startOfDay + window.fromMinute * MINUTE_MS;
    if (nowMs < opensAtMs) return { kind: 'closed', opensAtMs };
    if (nowMs < opensAtMs + window.minutes * MINUTE_MS) return { kind: 'open' };
  }
  throw new Error(`no window within a week: ${text}`);
}

// When a device may be changed: its label `maintenance`, such as `0200-0500` or `sat.sun_0200-0600`, by the clock of its label
// `timezone` (an IANA name, UTC where there is none). A window that ends before it begins goes over midnight and belongs to
// the day on which it begins.
import { instantOf, isTimeZone, localMs } from './time-zone.ts';

export const MAINTENANCE_LABEL = 'maintenance';
export const TIME_ZONE_LABEL = 'timezone';
export const WINDOW_LABELS = [MAINTENANCE_LABEL, TIME_ZONE_LABEL] as const;
export const WINDOW_FORM =
  'expected hours such as "0200-0500", with days in front where not every day: "sat.sun_0200-0600" (UTC, unless the label timezone=Europe/Berlin says where the device is)';
const ZONE_FORM = 'expected an IANA name such as "Europe/Berlin"';

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
  const zone = labels[TIME_ZONE_LABEL] ?? 'UTC';
  const known = remembered.get(`${text} ${zone}`);
  if (known && known.fromMs <= nowMs && nowMs < known.untilMs) return known.state;
  const found = read(text, zone, nowMs);
  if (remembered.size >= REMEMBERED) remembered.clear();
  remembered.set(`${text} ${zone}`, found);
  return found.state;
}

/** A state, and from when until when it is that. */
interface Span {
  readonly state: WindowState;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Thousands of devices have the same few windows, and zones are slow to reckon with. */
const remembered = new Map<string, Span>();
const REMEMBERED = 1000;

function read(text: string, zone: string, nowMs: number): Span {
  const always = { fromMs: -Infinity, untilMs: Infinity };
  const window = parseWindow(text);
  if (typeof window === 'string') return { ...always, state: { kind: 'unreadable', message: window } };
  if (!isTimeZone(zone)) return { ...always, state: { kind: 'unreadable', message: unreadableZone(zone) } };
  const midnight = Math.floor(localMs(zone, nowMs) / DAY_MS) * DAY_MS;
  // From yesterday, whose window may go over midnight, to the day after the same day of next week: a clock that is put
  // forward may leave nothing of one.
  for (let day = -1; day <= 8; day++) {
    const startOfDay = midnight + day * DAY_MS;
    if (!window.days.includes(new Date(startOfDay).getUTCDay())) continue;
    const opens = startOfDay + window.fromMinute * MINUTE_MS;
    const opensAtMs = instantOf(zone, opens);
    const closesAtMs = instantOf(zone, opens + window.minutes * MINUTE_MS);
    if (closesAtMs <= opensAtMs) continue;
    if (nowMs < opensAtMs) return { state: { kind: 'closed', opensAtMs }, fromMs: nowMs, untilMs: opensAtMs };
    if (nowMs < closesAtMs) return { state: { kind: 'open' }, fromMs: opensAtMs, untilMs: closesAtMs };
  }
  // One day of the week, whose window the clock leaps over: it opens in the week after.
  const untilMs = nowMs + 7 * DAY_MS;
  return { state: { kind: 'closed', opensAtMs: untilMs }, fromMs: nowMs, untilMs };
}

const unreadableZone = (zone: string) => `${TIME_ZONE_LABEL}=${zone}: no time zone; ${ZONE_FORM}`;

/** What of these labels says nothing readable about when the device may be changed; null when nothing. */
export function unreadableWindow(labels: Readonly<Record<string, string>>): string | null {
  const zone = labels[TIME_ZONE_LABEL];
  if (zone !== undefined && !isTimeZone(zone)) return unreadableZone(zone);
  const window = labels[MAINTENANCE_LABEL] === undefined ? null : parseWindow(labels[MAINTENANCE_LABEL]);
  return typeof window === 'string' ? window : null;
}

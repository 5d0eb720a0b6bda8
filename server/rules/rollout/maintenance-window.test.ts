import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWindow, unreadableWindow, windowState } from './maintenance-window.ts';

// 2026-01-01 was a Thursday.
const at = (text: string) => Date.parse(`2026-01-${text}:00Z`);
const state = (maintenance: string, nowMs: number) => windowState({ maintenance }, nowMs);

describe('a maintenance window', () => {
  it('is always where there is no label', () => {
    expect(windowState({ site: 'home' }, 0)).toEqual({ kind: 'always' });
  });

  it.each([
    ['0200-0500', '01T01:59', '01T02:00'],
    ['0200-0500', '01T05:00', '02T02:00'],
    ['sat.sun_0200-0600', '01T03:00', '03T02:00'],
    ['thu_2300-0100', '02T01:00', '08T23:00'],
    ['thu_0000-2400', '02T00:00', '08T00:00'],
  ])('%s is closed at %s and opens at %s', (label, now, opens) => {
    expect(state(label, at(now))).toEqual({ kind: 'closed', opensAtMs: at(opens) });
  });

  it.each([
    ['0200-0500', '01T02:00'],
    ['0200-0500', '01T04:59'],
    ['thu_2300-0100', '01T23:30'],
    ['thu_2300-0100', '02T00:59'],
  ])('%s is open at %s', (label, now) => expect(state(label, at(now))).toEqual({ kind: 'open' }));

  it.each(['night', '2500-0100', '0200-0200', '0260-0300', 'foo_0200-0300', '0200', ''])('%j is refused', (label) => {
    expect(parseWindow(label)).toContain('expected hours such as "0200-0500"');
    expect(state(label, 0)).toMatchObject({ kind: 'unreadable' });
  });

  it.each([
    // Winter: Berlin is an hour ahead of UTC.
    ['0200-0500', 'Europe/Berlin', '2026-01-01T00:59', '2026-01-01T01:00'],
    ['0200-0500', 'Europe/Berlin', '2026-01-01T04:00', '2026-01-02T01:00'],
    // Summer: two hours.
    ['0200-0500', 'Europe/Berlin', '2026-07-01T03:00', '2026-07-02T00:00'],
    // Its Sunday begins on UTC's Saturday, and west of Greenwich it ends on UTC's Monday.
    ['sun_0000-2400', 'Asia/Kolkata', '2026-01-03T18:29', '2026-01-03T18:30'],
    ['sun_2300-0100', 'America/Los_Angeles', '2026-01-04T12:00', '2026-01-05T07:00'],
    // Lord Howe Island moves by half an hour.
    ['0600-0700', 'Australia/Lord_Howe', '2026-06-30T19:00', '2026-06-30T19:30'],
    // 29 March 2026: Berlin's clocks go from 02:00 to 03:00, and 02:30 is an hour later than it would have been.
    ['0230-0400', 'Europe/Berlin', '2026-03-29T01:29', '2026-03-29T01:30'],
    // 25 October 2026: 02:30 comes twice; the first one counts.
    ['0230-0300', 'Europe/Berlin', '2026-10-25T00:29', '2026-10-25T00:30'],
  ])('%s in %s is closed at %s and opens at %s', (maintenance, timezone, now, opens) => {
    const [nowMs, opensAtMs] = [now, opens].map((text) => Date.parse(`${text}:00Z`)) as [number, number];
    expect(windowState({ maintenance, timezone }, nowMs)).toEqual({ kind: 'closed', opensAtMs });
    expect(windowState({ maintenance, timezone }, opensAtMs)).toEqual({ kind: 'open' });
  });

  it('of a zone that does not exist is refused', () => {
    const labels = { maintenance: '0200-0300', timezone: 'Mars/Olympus' };
    expect(windowState(labels, 0)).toMatchObject({ kind: 'unreadable' });
    expect(unreadableWindow(labels)).toContain('timezone=Mars/Olympus: no time zone; expected an IANA name');
    expect(unreadableWindow({ timezone: 'Europe/Berlin' })).toBeNull();
  });

  it('opens when it says, whatever the window and the hour', () => {
    const two = (value: number) => String(value).padStart(2, '0');
    const label = fc
      .record({ days: fc.subarray(['mon', 'wed', 'sun']), from: fc.nat(23), to: fc.nat(23) })
      .filter(({ from, to }) => from !== to)
      .map(({ days, from, to }) => `${days.length ? `${days.join('.')}_` : ''}${two(from)}00-${two(to)}30`);
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Auckland');
    fc.assert(
      fc.property(label, zone, fc.integer({ min: 0, max: 4e12 }), (maintenance, timezone, nowMs) => {
        const at = (ms: number) => windowState({ maintenance, timezone }, ms);
        const now = at(nowMs);
        if (now.kind !== 'closed') return;
        expect(now.opensAtMs).toBeGreaterThan(nowMs);
        expect(at(now.opensAtMs).kind).toBe('open');
        expect(at(now.opensAtMs - 1).kind).toBe('closed');
      }),
    );
  });
});

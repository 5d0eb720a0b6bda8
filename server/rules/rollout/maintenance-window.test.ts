import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWindow, windowState } from './maintenance-window.ts';

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
    expect(parseWindow(label)).toContain('expected hours in UTC such as "0200-0500"');
    expect(state(label, 0)).toMatchObject({ kind: 'unreadable' });
  });

  it('opens when it says, whatever the window and the hour', () => {
    const two = (value: number) => String(value).padStart(2, '0');
    const label = fc
      .record({ days: fc.subarray(['mon', 'wed', 'sun']), from: fc.nat(23), to: fc.nat(23) })
      .filter(({ from, to }) => from !== to)
      .map(({ days, from, to }) => `${days.length ? `${days.join('.')}_` : ''}${two(from)}00-${two(to)}30`);
    fc.assert(
      fc.property(label, fc.integer({ min: 0, max: 4e12 }), (text, nowMs) => {
        const now = state(text, nowMs);
        if (now.kind !== 'closed') return;
        expect(now.opensAtMs).toBeGreaterThan(nowMs);
        expect(state(text, now.opensAtMs).kind).toBe('open');
        expect(state(text, now.opensAtMs - 1).kind).toBe('closed');
      }),
    );
  });
});

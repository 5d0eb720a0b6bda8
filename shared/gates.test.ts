import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GATE_METRICS, type Gate, parseGate, printGate } from './gates.ts';

const gate = (text: string): Gate => {
  const parsed = parseGate(text);
  if (parsed.kind === 'unreadable') throw new Error(parsed.message);
  return parsed.gate;
};

describe('parseGate', () => {
  it.each([
    ['quality>=4.0', { metric: 'quality', operator: '>=', limit: 4, against: 'absolute' }],
    ['quality >= -2%', { metric: 'quality', operator: '>=', limit: -2, against: 'change' }],
    ['latency.p90 <= 1.2x', { metric: 'latency.p90', operator: '<=', limit: 1.2, against: 'factor' }],
    ['latency.p50<2s', { metric: 'latency.p50', operator: '<', limit: 2000, against: 'absolute' }],
    ['latency.p50<=+10%', { metric: 'latency.p50', operator: '<=', limit: 10, against: 'change' }],
    ['memory.peak<=512MB', { metric: 'memory.peak', operator: '<=', limit: 512e6, against: 'absolute' }],
    ['memory.peak<=1GiB', { metric: 'memory.peak', operator: '<=', limit: 2 ** 30, against: 'absolute' }],
    ['failures<=0', { metric: 'failures', operator: '<=', limit: 0, against: 'absolute' }],
    ['failures<=5%', { metric: 'failures', operator: '<=', limit: 5, against: 'share' }],
  ])('reads %s', (text, expected) => expect(gate(text)).toEqual(expected));

  it.each([
    ['speed>=4', 'unknown metric (known: quality, latency.p50, latency.p90, memory.peak, failures) at position 1'],
    [
      '  latency.p95<=1s',
      'unknown metric (known: quality, latency.p50, latency.p90, memory.peak, failures) at position 3',
    ],
    ['quality=4', 'no operator (<=, >=, <, >) at position 8'],
    ['quality>=high', 'no number at position 10'],
    ['quality >= high', 'no number at position 12'],
    ['quality>=4MB', 'unit "MB" does not fit quality (fitting: none, x, %) at position 11'],
    [
      'memory.peak<=512',
      'unit "none" does not fit memory.peak (fitting: KB, MB, GB, KiB, MiB, GiB, x, %) at position 17',
    ],
    ['failures<=1.2x', 'unit "x" does not fit failures (fitting: none, %) at position 14'],
    ['quality<=4', '"<=" would let the worse pass for quality at position 8'],
    ['latency.p50>=10ms', '">=" would let the worse pass for latency.p50 at position 12'],
    ['latency.p50<=-10ms', 'the value is below 0'],
    ['quality>=-100%', 'a change ends at -100% at position 10'],
    ['failures<=101%', 'a share is from 0% to 100% at position 11'],
    ['quality>=4 or so', 'unit "or" does not fit quality'],
    ['quality>=4 !', '"!" follows the gate at position 12'],
    ['', 'unknown metric'],
  ])('refuses %j, says where and what it expected', (text, why) => {
    const parsed = parseGate(text);
    expect(parsed).toMatchObject({ kind: 'unreadable' });
    expect(parsed.kind === 'unreadable' && parsed.message).toContain(why);
    expect(parsed.kind === 'unreadable' && parsed.message).toContain('expected METRIC OPERATOR VALUE');
  });

  it('reads back what it prints', () => {
    const made = fc
      .record({
        metric: fc.constantFrom(...GATE_METRICS),
        limit: fc.integer({ min: 1, max: 5000 }),
        strict: fc.boolean(),
      })
      .chain(({ metric, limit, strict }) => {
        const operator = (metric === 'quality' ? '>' : '<') + (strict ? '' : '=');
        const kinds = metric === 'failures' ? ['absolute', 'share'] : ['absolute', 'factor', 'change'];
        const shown = (against: string) =>
          against === 'share'
            ? limit % 101
            : metric === 'memory.peak' && against === 'absolute'
              ? limit * 1000
              : limit / 8;
        return fc
          .constantFrom(...kinds)
          .map((against) => ({ metric, operator, against, limit: shown(against) }) as Gate);
      });
    fc.assert(
      fc.property(made, (one) => {
        expect(gate(printGate(one))).toEqual(one);
      }),
    );
  });

  it('never throws, and points into the text', () => {
    const scrap = fc.constantFrom('quality', 'latency.p50', '>=', '<=', ' ', '4', '.', '%', 'x', 'MB', '-', '!');
    fc.assert(
      fc.property(
        fc.array(scrap).map((parts) => parts.join('')),
        (text) => {
          const parsed = parseGate(text);
          if (parsed.kind === 'gate') return;
          const position = Number(/ at position (\d+); expected METRIC/.exec(parsed.message)?.[1]);
          expect(position).toBeGreaterThanOrEqual(1);
          expect(position).toBeLessThanOrEqual(text.length + 1);
        },
      ),
    );
  });
});

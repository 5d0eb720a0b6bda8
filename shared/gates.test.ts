import { describe, expect, it } from 'vitest';
import { type DeviceEvidence, type Gate, judge, parseGate, printGate } from './gates.ts';

const gate = (text: string): Gate => {
  const parsed = parseGate(text);
  if (parsed.kind === 'unreadable') throw new Error(parsed.message);
  return parsed.gate;
};

const device = (name: string, over: Partial<DeviceEvidence> = {}): DeviceEvidence => ({
  device: name,
  deviceClass: 'raspberry-pi-4-4gb',
  outcome: 'committed',
  measured: measured(100, 4.5),
  before: null,
  ...over,
});

const measured = (latencyMs: number, score: number, samples = 64) => ({
  latencyMs: Array.from({ length: samples }, () => latencyMs),
  peakRssBytes: 200e6,
  quality: { score, pictures: Array.from({ length: 48 }, (_, i) => (i % 10 === 0 ? 0.5 : 1)) },
});

describe('parseGate', () => {
  it.each([
    ['quality>=4.0', { metric: 'quality', operator: '>=', limit: 4, relative: false }],
    ['latency.p90 <= 1.2x', { metric: 'latency.p90', operator: '<=', limit: 1.2, relative: true }],
    ['latency.p50<2s', { metric: 'latency.p50', operator: '<', limit: 2000, relative: false }],
    ['memory.peak<=512MB', { metric: 'memory.peak', operator: '<=', limit: 512e6, relative: false }],
    ['memory.peak<=1GiB', { metric: 'memory.peak', operator: '<=', limit: 2 ** 30, relative: false }],
    ['failures<=0', { metric: 'failures', operator: '<=', limit: 0, relative: false }],
  ])('reads %s', (text, expected) => expect(gate(text)).toEqual(expected));

  it.each([
    ['speed>=4', 'unknown metric'],
    ['quality=4', 'no operator'],
    ['quality>=high', 'no number'],
    ['quality>=4MB', 'unit "MB" does not fit quality'],
    ['memory.peak<=512', 'unit "none" does not fit memory.peak'],
    ['', 'unknown metric'],
  ])('refuses %j and says what it expected', (text, why) => {
    const parsed = parseGate(text);
    expect(parsed).toMatchObject({ kind: 'unreadable' });
    expect(parsed.kind === 'unreadable' && parsed.message).toContain(why);
    expect(parsed.kind === 'unreadable' && parsed.message).toContain('expected METRIC OPERATOR VALUE');
  });

  it.each([
    'quality>=4.25',
    'latency.p90<=1.2x',
    'latency.p50<1500ms',
    'memory.peak<=512MB',
    'memory.peak<=1GiB',
    'failures<=3',
  ])('reads back what it prints: %s', (text) => expect(gate(printGate(gate(text)))).toEqual(gate(text)));
});

describe('judge', () => {
  it('lets the worst device decide', () => {
    const verdict = judge(gate('quality>=4'), [device('good'), device('bad', { measured: measured(100, 3.1) })]);
    expect(verdict).toMatchObject({ verdict: 'fail', value: 3.1, device: 'bad', n: 48 });
    expect(verdict.low).toBeLessThan(3.1);
    expect(verdict.high).toBeGreaterThan(3.1);
    expect(verdict.explanation).toContain('violates quality>=4');
  });

  it('passes when every device satisfies it', () => {
    expect(judge(gate('memory.peak<=300MB'), [device('a'), device('b')])).toMatchObject({
      verdict: 'pass',
      value: 200e6,
    });
  });

  it('withholds a percentile that has too few samples', () => {
    const few = device('slow', { measured: measured(100, 4.5, 20) });
    expect(judge(gate('latency.p90<=1s'), [few])).toMatchObject({ verdict: 'insufficient', value: null });
    expect(judge(gate('latency.p50<=1s'), [few])).toMatchObject({ verdict: 'pass', value: 100 });
  });

  it('fails on a violation even while others have not measured', () => {
    const silent = device('silent', { measured: null });
    const bad = device('bad', { measured: measured(100, 2) });
    expect(judge(gate('quality>=4'), [silent, bad]).verdict).toBe('fail');
    expect(judge(gate('quality>=4'), [silent, device('good')]).verdict).toBe('insufficient');
  });

  it('compares with the version that the same device ran before', () => {
    const slower = device('a', { measured: measured(150, 4.5), before: measured(100, 4.5) });
    const first = device('b');
    expect(judge(gate('latency.p50<=1.2x'), [slower, first])).toMatchObject({
      verdict: 'fail',
      value: 1.5,
      device: 'a',
    });
    expect(judge(gate('latency.p50<=1.2x'), [first])).toMatchObject({ verdict: 'pass', value: null });
  });

  it('counts failures, and waits for the open ones', () => {
    const failed = device('f', { outcome: 'failed', measured: null });
    const open = device('o', { outcome: 'open', measured: null });
    expect(judge(gate('failures<=0'), [device('a'), failed])).toMatchObject({ verdict: 'fail', value: 1, device: 'f' });
    expect(judge(gate('failures<=1'), [open, failed]).verdict).toBe('insufficient');
    expect(judge(gate('failures<=1'), [device('a'), failed]).verdict).toBe('pass');
  });

  it('says insufficient about a version that carries no evaluator', () => {
    const unscored = device('a', { measured: { ...measured(100, 4), quality: null } });
    expect(judge(gate('quality>=4'), [unscored]).verdict).toBe('insufficient');
  });
});

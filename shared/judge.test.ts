import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceEvidence, Run } from './evidence.ts';
import { type Gate, parseGate } from './gates.ts';
import { judge } from './judge.ts';
import { mulberry32 } from './statistics.ts';

const gate = (text: string): Gate => {
  const parsed = parseGate(text);
  if (parsed.kind === 'unreadable') throw new Error(parsed.message);
  return parsed.gate;
};
const options = { confidence: 0.95, evaluationPrompts: 48 };
const HOUR_MS = 3600_000;

/** `spread` in parts of the latency, from a seed. */
const run = (over: Partial<Run> & { ms?: number; spread?: number; samples?: number; seed?: number } = {}): Run => {
  const { ms = 100, spread = 0, samples = 64, seed = 1, ...rest } = over;
  const uniform = mulberry32(seed);
  return {
    ...{ benchRunId: `brn_${seed}`, atMs: 0, peakRssBytes: 200e6, disturbed: false },
    latencyMs: Array.from({ length: samples }, () => ms * (1 + spread * (uniform() - 0.5))),
    quality: scored(4.5),
    ...rest,
  };
};
/** A score from 48 pictures, a tenth of them half right. */
const TENTH_HALF_RIGHT: number[] = Array.from({ length: 48 }, (_, i) => (i % 10 === 0 ? 0.5 : 1));
const scored = (score: number, pictures = TENTH_HALF_RIGHT) => ({
  score,
  pictures,
});
const device = (name: string, runs: Run[] = [run()], over: Partial<DeviceEvidence> = {}): DeviceEvidence => ({
  ...{ device: name, deviceClass: 'raspberry-pi-4-4gb', outcome: 'committed', runs, before: null },
  ...over,
});
const upgraded = (name: string, now: Run, then: Run, over: Partial<DeviceEvidence> = {}) =>
  device(name, [now], { before: { version: '1.0.0', runs: [then] }, ...over });
const verdict = (text: string, evidence: DeviceEvidence[], over = {}) =>
  judge(gate(text), evidence, { ...options, ...over }).verdict;

describe('absolute gates', () => {
  it('say it as the operator reads it', () => {
    const failed = verdict('quality>=4', [device('pi-a', [run({ quality: scored(3.1) })])]);
    expect(failed).toMatchObject({
      verdict: 'fail',
      value: expect.closeTo(3.1),
      n: 48,
      deviceClass: 'raspberry-pi-4-4gb',
    });
    expect(failed.low).toBeLessThan(3.1);
    expect(failed.high).toBeGreaterThan(3.1);
    expect(failed.explanation).toMatch(
      /^quality 3\.10 \[2\.\d\d, 3\.\d\d\] on pi-a \(raspberry-pi-4-4gb, n = 48\) is below 4$/,
    );
  });

  it('count prompts, not pictures: ten devices that render the same are no more evidence', () => {
    const one = verdict('quality>=4', [device('a')]);
    const ten = verdict(
      'quality>=4',
      Array.from({ length: 10 }, (_, i) => device(`d${i}`)),
    );
    expect(ten).toMatchObject({ n: 48, verdict: 'pass' });
    expect(ten.low).toBeCloseTo(one.low ?? 0);
    expect(ten.high).toBeCloseTo(one.high ?? 0);
  });

  it('let the value decide when the whole evaluation set was measured, and ask for more pictures before', () => {
    const near = [device('a', [run({ quality: scored(4.05) })])];
    expect(verdict('quality>=4', near).verdict).toBe('pass');
    const more = judge(gate('quality>=4'), near, { ...options, evaluationPrompts: 128 });
    expect(more.verdict).toMatchObject({
      verdict: 'insufficient',
      explanation: expect.stringContaining('either side of 4'),
    });
    expect(more.needs).toEqual([{ device: 'a', kind: 'pictures' }]);
  });

  it('let no class hide behind another', () => {
    const slow = device('slow', [run({ ms: 900, spread: 0.1 })], { deviceClass: 'raspberry-pi-3-1gb' });
    const fast = Array.from({ length: 9 }, (_, i) => device(`f${i}`, [run({ spread: 0.1, seed: i })]));
    const judged = verdict('latency.p50<=500ms', [...fast, slow]);
    expect(judged).toMatchObject({ verdict: 'fail', deviceClass: 'raspberry-pi-3-1gb' });
    expect(judged.groups).toMatchObject([
      { scope: 'raspberry-pi-4-4gb', devices: 9, verdict: 'pass' },
      { scope: 'raspberry-pi-3-1gb', devices: 1, verdict: 'fail' },
      { scope: 'all', devices: 10 },
    ]);
  });

  it('let no single device be worse beyond doubt, though its class is well', () => {
    const fleet = Array.from({ length: 19 }, (_, i) => device(`f${i}`, [run({ spread: 0.2, seed: i })]));
    const hot = device('hot', [run({ ms: 700, spread: 0.2, seed: 99 })]);
    expect(verdict('latency.p50<=500ms', [...fleet, hot])).toMatchObject({ verdict: 'fail', device: 'hot' });
  });

  it('ask a device again that only looks worse', () => {
    const fleet = Array.from({ length: 19 }, (_, i) => device(`f${i}`, [run({ spread: 0.2, seed: i })]));
    // Eight samples around the limit: nothing is certain.
    const unsure = device('unsure', [run({ latencyMs: [90, 92, 94, 96, 121, 122, 123, 124].map((ms) => ms + 10) })]);
    const { verdict: judged, needs } = judge(gate('latency.p50<=105ms'), [...fleet, unsure], options);
    expect(judged).toMatchObject({ verdict: 'insufficient', device: 'unsure' });
    expect(needs).toEqual([{ device: 'unsure', kind: 'run' }]);
  });

  it('withhold a percentile below its number of samples, and say how many are missing', () => {
    const few = device('slow', [run({ samples: 20 })]);
    const judged = judge(gate('latency.p90<=1s'), [few], options);
    expect(judged.verdict).toMatchObject({
      ...{ verdict: 'insufficient', value: null },
      explanation: 'latency.p90<=1000ms: not measured enough: slow has 20 of 64 pictures timed',
    });
    expect(judged.needs).toEqual([{ device: 'slow', kind: 'run' }]);
    expect(verdict('latency.p50<=1s', [few])).toMatchObject({ verdict: 'pass', value: 100 });
    // Several runs add up.
    const again = device(
      'slow',
      [1, 2, 3, 4].map((seed) => run({ samples: 20, seed })),
    );
    expect(verdict('latency.p90<=1s', [again])).toMatchObject({ verdict: 'pass', n: 80 });
  });

  it('go by undisturbed runs where there are any', () => {
    const disturbed = run({ ms: 5000, disturbed: true, seed: 2 });
    expect(verdict('latency.p50<=1s', [device('a', [run(), disturbed])]).verdict).toBe('pass');
    expect(verdict('latency.p50<=1s', [device('a', [disturbed])]).verdict).toBe('fail');
  });

  it('compare with no disturbed run of the version before until there is no other', () => {
    const busy = run({ ms: 600, disturbed: true, seed: 2, spread: 0.1 });
    const quiet = run({ ms: 100, seed: 3, atMs: 60_000, spread: 0.1 });
    const now = run({ ms: 200, seed: 4, spread: 0.1 });
    const against = (runs: Run[]) =>
      verdict('latency.p50<=1.2x', [device('a', [now], { before: { version: '1.0.0', runs } })]);
    expect(against([busy, quiet])).toMatchObject({ verdict: 'fail', value: expect.closeTo(2, 0), n: 64 });
    expect(against([busy])).toMatchObject({
      verdict: 'insufficient',
      explanation: expect.stringContaining('a was disturbed each time, in 1 of up to 3 comparisons'),
    });
    const thrice = [1, 2, 3].map((seed) => ({ now: run({ ms: 500, seed, disturbed: true }), earlier: { ...busy } }));
    const never = device(
      'a',
      thrice.map(({ now: one }) => one),
      {
        before: { version: '1.0.0', runs: thrice.map(({ earlier }) => earlier) },
      },
    );
    expect(verdict('latency.p50<=1.2x', [never]).verdict).toBe('pass');
  });

  it('take the highest memory of any device, with the range', () => {
    const fleet = [device('a'), device('b', [run({ peakRssBytes: 310e6 })])];
    expect(verdict('memory.peak<=300MB', fleet)).toMatchObject({
      ...{ verdict: 'fail', value: 310e6, low: 200e6, high: 310e6, n: 2, method: 'range', device: 'b' },
      explanation: 'memory.peak 310 MB [200 MB, 310 MB] on b (raspberry-pi-4-4gb, n = 2) is above 300MB',
    });
  });

  it('fail on a violation even while others have not measured', () => {
    const bad = device('bad', [run({ quality: scored(2) })]);
    expect(verdict('quality>=4', [device('silent', []), bad]).verdict).toBe('fail');
    expect(verdict('quality>=4', [device('silent', []), device('good')])).toMatchObject({
      verdict: 'insufficient',
      explanation: expect.stringContaining('silent has no measurement'),
    });
  });
});

describe('relative gates', () => {
  it('compare a device with itself, run beside run', () => {
    const slower = upgraded('a', run({ ms: 150, spread: 0.1 }), run({ spread: 0.1, seed: 2 }));
    expect(verdict('latency.p50<=1.2x', [slower, device('b')])).toMatchObject({
      ...{ verdict: 'fail', value: expect.closeTo(1.5, 1), device: 'a', method: 'bootstrap' },
      explanation: expect.stringMatching(
        /^latency\.p50 1\.\d\dx \[1\.\d\dx, 1\.\d\dx\] of 1\.0\.0 on a .* is above 1\.2x$/,
      ),
    });
    expect(verdict('latency.p50<=1.2x', [device('b')])).toMatchObject({ verdict: 'pass', value: null });
  });

  it('count no run twice: two new ones beside one old one are one pair', () => {
    const twice = device('a', [run({ seed: 1 }), run({ seed: 2, atMs: 1000 })], {
      before: { version: '1.0.0', runs: [run({ seed: 3, atMs: 900 })] },
    });
    expect(verdict('latency.p50<=1.2x', [twice])).toMatchObject({ verdict: 'pass', n: 64 });
  });

  it('do not compare what was measured on another day', () => {
    const yesterday = run({ ms: 150, atMs: -24 * HOUR_MS });
    const judged = judge(gate('latency.p50<=1.2x'), [upgraded('a', run(), yesterday)], options);
    expect(judged.verdict).toMatchObject({
      verdict: 'insufficient',
      explanation: expect.stringContaining('a has not run both versions within 30 minutes'),
    });
    expect(judged.needs).toEqual([{ device: 'a', kind: 'pair' }]);
    // Memory and quality do not drift.
    expect(verdict('memory.peak<=1.2x', [upgraded('a', run(), yesterday)]).verdict).toBe('pass');
  });

  it('see a small loss in quality that separate intervals would hide', () => {
    const uniform = mulberry32(3);
    const then = Array.from({ length: 48 }, () => (uniform() < 0.5 ? 0.4 : 1));
    const now = then.map((value) => value * 0.95);
    const worse = upgraded('a', run({ quality: scored(4, now) }), run({ quality: scored(4.2, then) }));
    expect(verdict('quality>=-2%', [worse], { evaluationPrompts: 1000 })).toMatchObject({
      ...{ verdict: 'fail', value: expect.closeTo(-5), low: expect.closeTo(-5), high: expect.closeTo(-5), n: 48 },
      explanation: 'quality -5.0% [-5.0%, -5.0%] of 1.0.0 on a (raspberry-pi-4-4gb, n = 48) is below -2%',
    });
    expect(verdict('quality>=-10%', [worse], { evaluationPrompts: 1000 }).verdict).toBe('pass');
  });

  it('wait where noise could explain the difference', () => {
    const noisy = upgraded('a', run({ ms: 104, spread: 1.2, samples: 12 }), run({ spread: 1.2, samples: 12, seed: 5 }));
    const judged = judge(gate('latency.p50<=1.05x'), [noisy], options);
    expect(judged.verdict).toMatchObject({ verdict: 'insufficient' });
    expect(judged.needs).toEqual([{ device: 'a', kind: 'pair' }]);
  });
});

describe('failures', () => {
  it('are counted, and open ones waited for', () => {
    const failed = device('f', [], { outcome: 'failed' });
    const open = device('o', [], { outcome: 'open' });
    expect(verdict('failures<=0', [device('a'), failed])).toMatchObject({
      verdict: 'fail',
      value: 1,
      device: 'f',
      n: 2,
    });
    expect(verdict('failures<=1', [open, failed]).verdict).toBe('insufficient');
    expect(verdict('failures<=1', [device('a'), failed]).verdict).toBe('pass');
  });

  it('as a share, with the exact interval', () => {
    const fleet = Array.from({ length: 20 }, (_, i) => device(`d${i}`, [], i === 0 ? { outcome: 'failed' } : {}));
    expect(verdict('failures<=5%', fleet)).toMatchObject({
      ...{ verdict: 'pass', value: 5, low: expect.closeTo(0.127, 2), high: expect.closeTo(24.87, 1), method: 'exact' },
    });
    expect(verdict('failures<5%', fleet).verdict).toBe('fail');
  });
});

describe('any evidence', () => {
  const anyRun = fc.record({
    ms: fc.integer({ min: 1, max: 999 }),
    samples: fc.integer({ min: 0, max: 80 }),
    seed: fc.nat(9),
  });
  const anyDevice = fc.record({
    deviceClass: fc.constantFrom('a', 'b'),
    outcome: fc.constantFrom('committed' as const, 'failed' as const, 'open' as const),
    runs: fc.array(
      anyRun.map((one) => run({ ...one, spread: 0.5 })),
      { maxLength: 3 },
    ),
    before: fc.option(fc.record({ version: fc.constant('1.0.0'), runs: fc.array(anyRun.map(run), { maxLength: 2 }) })),
  });
  const anyFleet = fc
    .array(anyDevice, { maxLength: 6 })
    .map((fleet) => fleet.map((one, i) => ({ device: `d${i}`, ...one })));
  const texts = [
    'quality>=4',
    'latency.p50<=300ms',
    'latency.p90<=1.1x',
    'memory.peak<=1.1x',
    'quality>=-2%',
    'failures<=20%',
  ];

  it('gives the same verdict in any order, an interval around the value, and something to ask when it waits', () => {
    fc.assert(
      fc.property(anyFleet, fc.constantFrom(...texts), (fleet, text) => {
        const judged = judge(gate(text), fleet, options);
        const { value, low, high } = judged.verdict;
        expect(judge(gate(text), fleet.toReversed(), options).verdict.verdict).toBe(judged.verdict.verdict);
        if (value !== null && low !== null && high !== null) {
          expect(low).toBeLessThanOrEqual(value + 1e-9);
          expect(high).toBeGreaterThanOrEqual(value - 1e-9);
        }
        const committed = fleet.some(({ outcome }) => outcome === 'committed');
        if (judged.verdict.verdict === 'insufficient' && committed && text !== 'failures<=20%')
          expect(judged.needs.length).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });
});

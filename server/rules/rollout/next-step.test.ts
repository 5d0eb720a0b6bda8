import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { madeFacts, madeInstallation, madeTarget } from '../../../test/server/made-facts.ts';
import { hasEnded, type RolloutFacts, type TargetFact } from './facts.ts';
import { nextStep } from './next-step.ts';

const fleet = (count: number, over: Partial<TargetFact> = {}) =>
  Array.from({ length: count }, (_, i) => madeTarget(i, over));
const started = (facts: RolloutFacts) => {
  const step = nextStep(facts);
  return step.kind === 'start-devices' ? step.deviceIds.length : step.kind;
};

describe('the pace', () => {
  it('begins everybody within reach at once where there is none', () => {
    expect(started(madeFacts({ targets: [...fleet(3), madeTarget(9, { online: false })] }))).toBe(3);
  });

  it('counts places by what was begun, and gives none to devices that are away: they could all come back at once', () => {
    const away = fleet(50, { online: false });
    expect(started(madeFacts({ targets: away, pace: { maxInFlight: 2 } }))).toBe('wait');
    expect(started(madeFacts({ targets: fleet(50), pace: { maxInFlight: 2 } }))).toBe(2);
    // One of two places is taken by a board that fell silent.
    const silent = madeTarget(99, { online: false, installation: madeInstallation('DOWNLOADING') });
    expect(started(madeFacts({ targets: [...fleet(50), silent], pace: { maxInFlight: 2 } }))).toBe(1);
  });

  it('grows with successes', () => {
    const done = fleet(20, { installation: madeInstallation('COMMITTED') });
    const targets = [...done, ...fleet(50).map((one, i) => ({ ...one, deviceId: `new_${i}` }))];
    const growth = { factor: 2, after: 10 };
    expect(started(madeFacts({ targets, pace: { maxInFlight: 3, growth } }))).toBe(12);
  });

  it('begins so many a minute, and says when the next may', () => {
    const nowMs = 1_000_000;
    const begun = fleet(2, { installation: madeInstallation('DOWNLOADING') });
    const startsMs = [nowMs - 20_000, nowMs - 20_000];
    const targets = [...begun, ...fleet(5).map((one, i) => ({ ...one, deviceId: `new_${i}` }))];
    expect(started(madeFacts({ nowMs, targets, startsMs, pace: { startsPerMinute: 3 } }))).toBe(1);
    expect(nextStep(madeFacts({ nowMs, targets, startsMs, pace: { startsPerMinute: 2 } }))).toEqual({
      kind: 'wait',
      untilMs: nowMs + 40_000,
    });
    const rare = madeFacts({ nowMs, targets, startsMs, pace: { startsPerMinute: 0.5 } });
    expect(nextStep(rare)).toEqual({ kind: 'wait', untilMs: nowMs + 100_000 });
  });

  it('never lets more devices install than it says, however they come and go', () => {
    const event = fc.record({ device: fc.nat(19), what: fc.constantFrom('away', 'here', 'end', 'fail', 'pass-time') });
    const pace = fc.record({ maxInFlight: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), pace, fc.nat(2), (events, { maxInFlight }, retries) => {
        let [nowMs, targets] = [0, fleet(20)];
        const set = (deviceId: string, change: (one: TargetFact) => Partial<TargetFact>) => {
          targets = targets.map((one) => (one.deviceId === deviceId ? { ...one, ...change(one) } : one));
        };
        for (const { device, what } of events) {
          const id = `dev_${device}`;
          if (what === 'pass-time') nowMs += 40_000;
          else if (what === 'away' || what === 'here') set(id, () => ({ online: what === 'here' }));
          else
            set(id, (one) =>
              one.installation && !hasEnded(one)
                ? { installation: madeInstallation(what === 'end' ? 'COMMITTED' : 'FAILED', nowMs) }
                : {},
            );
          const step = nextStep(madeFacts({ nowMs, targets, retries, pace: { maxInFlight } }));
          if (step.kind !== 'start-devices') continue;
          for (const deviceId of step.deviceIds)
            set(deviceId, ({ attempts }) => ({
              ...{ installation: madeInstallation('QUEUED', nowMs), attempts: attempts + 1 },
            }));
          const inFlight = targets.filter((one) => one.installation && !hasEnded(one)).length;
          expect(inFlight).toBeLessThanOrEqual(maxInFlight);
          expect(Math.max(...targets.map(({ attempts }) => attempts))).toBeLessThanOrEqual(retries + 1);
        }
      }),
    );
  });
});

describe('retries', () => {
  const failed = (code: 'crashed' | 'disk_full', attempts = 1) =>
    madeTarget(0, { attempts, installation: { ...madeInstallation('FAILED', 900_000), reasonCode: code } });

  it('come later each time, for reasons that may pass, and are bounded', () => {
    const facts = (target: TargetFact, nowMs = 1_000_000) => madeFacts({ nowMs, retries: 2, targets: [target] });
    expect(started(facts(failed('crashed')))).toBe(1);
    expect(nextStep(facts(failed('crashed'), 910_000))).toEqual({ kind: 'wait', untilMs: 930_000 });
    expect(nextStep(facts(failed('crashed', 2), 930_000))).toEqual({ kind: 'wait', untilMs: 960_000 });
    expect(started(facts(failed('crashed', 3)))).toBe('wait');
  });

  it('never go on for ever over a full disk', () => {
    expect(started(madeFacts({ retries: 10, targets: [failed('disk_full')] }))).toBe('wait');
  });

  it('hold the judgement back', () => {
    const waves = [{ index: 0, state: 'RUNNING' as const, deadlineMs: 10_000_000, hasNews: true }];
    const targets = [madeTarget(1, { installation: madeInstallation('COMMITTED') }), failed('crashed')];
    expect(nextStep(madeFacts({ waves, targets, retries: 1, nowMs: 910_000 })).kind).toBe('wait');
    expect(nextStep(madeFacts({ waves, targets, retries: 0, nowMs: 910_000 })).kind).toBe('judge-wave');
  });
});

describe('a wave', () => {
  const wave = (over: Partial<RolloutFacts['waves'][number]> = {}) => [
    { index: 0, state: 'RUNNING' as const, deadlineMs: 10_000_000, hasNews: true, ...over },
  ];
  const done = madeTarget(0, { installation: madeInstallation('COMMITTED') });

  it('is judged once for what is known, not again until there is more: a judge must not wake itself', () => {
    expect(nextStep(madeFacts({ waves: wave(), targets: [done] })).kind).toBe('judge-wave');
    expect(nextStep(madeFacts({ waves: wave({ hasNews: false }), targets: [done] }))).toEqual({
      kind: 'wait',
      untilMs: 10_000_000,
    });
    expect(nextStep(madeFacts({ waves: wave({ hasNews: false, deadlineMs: 5 }), targets: [done] }))).toMatchObject({
      closing: true,
    });
  });

  it('is neither passed nor held up by devices that were never contacted', () => {
    const away = fleet(9, { online: false, installation: madeInstallation('QUEUED') });
    expect(nextStep(madeFacts({ waves: wave(), targets: [done, ...away] })).kind).toBe('judge-wave');
    expect(nextStep(madeFacts({ waves: wave(), targets: away })).kind).toBe('wait');
  });

  it('waits for devices whose hour has not come', () => {
    const night = madeTarget(1, { window: { kind: 'closed', opensAtMs: 5_000_000 } });
    expect(nextStep(madeFacts({ waves: wave(), targets: [done, night] }))).toEqual({
      kind: 'wait',
      untilMs: 5_000_000,
    });
    const now = madeTarget(1, { window: { kind: 'open' } });
    expect(started(madeFacts({ waves: wave(), targets: [done, now] }))).toBe(1);
    // Away and with a window: it would begin at any hour when it comes.
    const away = madeTarget(1, { window: { kind: 'open' }, online: false });
    expect(nextStep(madeFacts({ waves: wave({ hasNews: false }), targets: [away] })).kind).toBe('wait');
  });

  it('fails early when failures are more than a count or a share allows', () => {
    const bad = (count: number) => fleet(count, { attempts: 1, installation: madeInstallation('ROLLED_BACK') });
    const open = fleet(17, { installation: madeInstallation('PROBING') });
    const facts = (targets: TargetFact[], share: number) =>
      nextStep(madeFacts({ waves: wave(), targets, failuresAllowed: { count: Infinity, share } })).kind;
    expect(facts([...bad(3), ...open], 0.15)).toBe('wait');
    expect(facts([...bad(3), ...open], 0.1)).toBe('judge-wave');
  });
});

describe('devices that come late', () => {
  const waves = [{ index: 0, state: 'PASSED' as const, deadlineMs: 1, hasNews: false }];
  const late = fleet(3);

  it.each(['RUNNING', 'SUCCEEDED'] as const)('begin while it is %s, until it holds back', (state) => {
    const dynamicUntilMs = state === 'RUNNING' ? 2_000_000 : null;
    expect(started(madeFacts({ state, waves, dynamicUntilMs, targets: late }))).toBe(3);
    const lateHold = { sinceMs: 900_000, because: 'pi-9 came late: 1 of 1 device failed' };
    expect(nextStep(madeFacts({ state, waves, dynamicUntilMs, targets: late, lateHold }))).toEqual({
      kind: 'wait',
      untilMs: dynamicUntilMs,
    });
  });

  it('are judged also where it holds back, and keep no rollout open that does', () => {
    const lateHold = { sinceMs: 900_000, because: 'paused by ann' };
    const ended = madeTarget(7, { hasNews: true, installation: madeInstallation('COMMITTED') });
    expect(nextStep(madeFacts({ state: 'SUCCEEDED', waves, targets: [...late, ended], lateHold }))).toEqual({
      kind: 'judge-late',
      deviceIds: ['dev_7'],
    });
    expect(nextStep(madeFacts({ waves, targets: late, lateHold })).kind).toBe('succeed');
  });
});

describe('any rollout', () => {
  it('that can go on says what it does or until when it waits', () => {
    const installation = fc.option(
      fc
        .constantFrom('QUEUED' as const, 'PROBING' as const, 'COMMITTED' as const, 'FAILED' as const)
        .map((state) => madeInstallation(state)),
    );
    const target = fc.record({
      installation,
      online: fc.boolean(),
      judged: fc.boolean(),
      hasNews: fc.boolean(),
      attempts: fc.nat(3),
    });
    fc.assert(
      fc.property(
        fc.array(target, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        fc.nat(2),
        (made, hasNews, retries) => {
          const targets = made.map((over, i) => madeTarget(i, over));
          const step = nextStep(
            madeFacts({ targets, retries, waves: [{ index: 0, state: 'RUNNING', deadlineMs: 10_000_000, hasNews }] }),
          );
          if (step.kind === 'wait') expect(step.untilMs).toBeGreaterThan(1_000_000);
          if (step.kind === 'start-devices') expect(step.deviceIds.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('whose orders cannot be read halts: a threshold that nobody reads never stops anything', () => {
    expect(nextStep(madeFacts({ unreadable: 'gate "x"', targets: fleet(1) }))).toEqual({
      kind: 'halt',
      because: 'gate "x"',
    });
  });

  it('that is dynamic ends at its time, not before', () => {
    const waves = [{ index: 0, state: 'PASSED' as const, deadlineMs: 1, hasNews: false }];
    const targets = [madeTarget(0, { judged: true, installation: madeInstallation('COMMITTED') })];
    expect(nextStep(madeFacts({ waves, targets, dynamicUntilMs: 2_000_000 }))).toEqual({
      kind: 'wait',
      untilMs: 2_000_000,
    });
    expect(nextStep(madeFacts({ waves, targets, dynamicUntilMs: 1_000_000 })).kind).toBe('succeed');
  });
});

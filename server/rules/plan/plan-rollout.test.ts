import { describe, expect, it } from 'vitest';
import { inventory } from '../../../test/raspberry-pi.ts';
import { makeManifest } from '../../../test/server/make-version.ts';
import { type PlannedDevice, planRollout, probeFor, type ReadRequest, readRequest } from './plan-rollout.ts';

const device = (name: string, over: Partial<PlannedDevice> = {}): PlannedDevice => ({
  ...{
    deviceId: `dev_${name}`,
    name,
    deviceClass: 'raspberry-pi-5-8gb',
    labels: { site: 'home' },
    online: true,
    inventory,
  },
  ...over,
});
const read = (over: Partial<Parameters<typeof readRequest>[0]> = {}) => {
  const outcome = readRequest({ to: 'all', waves: ['1', '100%'], gates: [], ...over });
  if (outcome.kind === 'unreadable') throw new Error(outcome.problems[0]?.message);
  return outcome satisfies ReadRequest;
};
const facts = (devices: PlannedDevice[], to = 'all') => ({
  ...{ to, devices, manifest: makeManifest('1.0.0'), versionDigest: 'a'.repeat(64), evidence: [] },
});
const order = (request: ReadRequest, devices: PlannedDevice[], versionDigest = 'a'.repeat(64)) => {
  const plan = planRollout(request, { ...facts(devices), versionDigest });
  return plan.kind === 'plan' ? plan.targets.map((target) => `${target.device.name} ${target.wave}`) : plan.message;
};

describe('readRequest', () => {
  it('tells every mistake at once, with its field', () => {
    const outcome = readRequest({ to: 'site=', waves: ['x'], gates: ['quality>=4', 'speed<=1'] });
    expect(outcome).toMatchObject({
      kind: 'unreadable',
      problems: [{ field: 'to' }, { field: 'waves' }, { field: 'gates.1' }],
    });
  });

  it('adds a gate on failures where there is none', () => {
    expect(read({ gates: ['quality>=4'] }).gates.map(({ metric }) => metric)).toEqual(['quality', 'failures']);
    expect(read({ gates: ['failures<=3'] }).gates).toMatchObject([{ metric: 'failures', limit: 3 }]);
  });
});

describe('planRollout', () => {
  const ten = Array.from({ length: 10 }, (_, i) => device(`pi-${i}`));

  it('is the same every time for one version, and another for the next', () => {
    expect(order(read(), ten)).toEqual(order(read(), ten.toReversed()));
    expect(order(read(), ten)).not.toEqual(order(read(), ten, 'b'.repeat(64)));
  });

  it('takes those within reach first', () => {
    const away = ten.map((one, i) => ({ ...one, online: i === 7 }));
    expect(order(read(), away)[0]).toBe('pi-7 0');
  });

  it('keeps the order of names', () => {
    const named = order(read({ to: 'pi-9,pi-2,pi-5' }), ten);
    expect(named).toEqual(['pi-9 0', 'pi-2 1', 'pi-5 1']);
  });

  it.each([
    [{ to: 'pi-0,pi-x' }, /no device is named "pi-x"/],
    [{ to: 'site=mars' }, /no device matches/],
    [{ waves: ['1'] }, /reaches 1 of 10/],
  ])('refuses %j', (over, why) => {
    expect(order(read(over), ten)).toMatch(why);
  });

  it('refuses a gate that the version cannot answer', () => {
    const without = { ...facts(ten), manifest: makeManifest('1.0.0', undefined, false) };
    expect(planRollout(read({ gates: ['quality>=4'] }), without)).toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/quality>=4.*no evaluation set/),
    });
  });

  it('measures long enough for the percentile that a gate asks for', () => {
    expect(probeFor(read({ gates: ['latency.p50<=1s'] }).gates)).toBe('probe');
    expect(probeFor(read({ gates: ['latency.p90<=1.2x'] }).gates)).toBe('rapid');
  });
});

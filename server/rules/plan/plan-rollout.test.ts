import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../shared/manifest.ts';
import { inventory } from '../../../test/raspberry-pi.ts';
import { makeManifest, sha256Of } from '../../../test/server/make-version.ts';
import { type PlannedDevice, planRollout, probeFor, type ReadRequest, readRequest } from './plan-rollout.ts';

const device = (name: string, over: Partial<PlannedDevice> = {}): PlannedDevice => ({
  ...{
    deviceId: `dev_${name}`,
    name,
    deviceClass: 'raspberry-pi-5-8gb',
    labels: { site: 'home' },
    online: true,
    inventory,
    running: [],
  },
  ...over,
});
const read = (over: Partial<Parameters<typeof readRequest>[0]> = {}) => {
  const outcome = readRequest({ to: 'all', waves: ['1', '100%'], gates: [], ...over });
  if (outcome.kind === 'unreadable') throw new Error(outcome.problems[0]?.message);
  return outcome satisfies ReadRequest;
};
const facts = (devices: PlannedDevice[], { target }: ReadRequest = read()) => {
  if (target.of.kind === 'group') throw new Error('no groups here');
  return {
    ...{ to: 'all', devices, manifest: makeManifest('1.0.0'), versionDigest: 'a'.repeat(64), evidence: [] },
    ...{ selector: target.of, manifests: new Map<string, Manifest>(), nowMs: 0, shadow: false },
  };
};
const order = (request: ReadRequest, devices: PlannedDevice[], versionDigest = 'a'.repeat(64)) => {
  const plan = planRollout(request, { ...facts(devices, request), versionDigest });
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

  it('does not call names or a share dynamic', () => {
    for (const to of ['pi-a,pi-b', '10%'])
      expect(readRequest({ to, waves: ['100%'], gates: [], dynamicForMs: 1000 })).toMatchObject({
        problems: [{ field: 'to', message: expect.stringContaining('nothing comes to match') }],
      });
    expect(readRequest({ to: 'site=home', waves: ['100%'], gates: [], dynamicForMs: 1000 }).kind).toBe('request');
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
    [{ to: 'pi-0,pi-x' }, /no device "pi-x"; "still devices"/],
    [{ to: 'site=mars' }, /no device matches .*"still devices" lists/],
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

  it('takes a share of those that match, rounded up', () => {
    expect(order(read({ to: '25% of site=home' }), ten)).toHaveLength(3);
    expect(order(read({ to: '10%', waves: ['100%'] }), ten)).toHaveLength(1);
    expect(order(read({ to: '50% of site=mars' }), ten)).toMatch(/no device matches/);
  });

  it('refuses a comparison of qualities that cannot be made, instead of waiting for it', () => {
    const runs = (versionDigest: string) =>
      ten.map((one) => ({
        ...one,
        running: [
          {
            installationId: 'i',
            model: 'shapes',
            version: '0.9.0',
            versionDigest,
            variant: 'v',
            role: 'current' as const,
          },
        ],
      }));
    const request = read({ gates: ['quality>=-2%'] });
    const set = (content: string, manifest = makeManifest('0.9.0')) => ({
      ...manifest,
      artifacts: manifest.artifacts.map((one) =>
        one.path === manifest.evaluation?.set ? { ...one, sha256: sha256Of(content) } : one,
      ),
    });
    const against = (before: Manifest) =>
      planRollout(request, {
        ...facts(runs('b'.repeat(64)), request),
        manifest: set('same', makeManifest('1.0.0')),
        manifests: new Map([['b'.repeat(64), before]]),
      });
    expect(against(makeManifest('0.9.0', undefined, false))).toMatchObject({
      message: expect.stringMatching(/quality>=-2%: shapes@0\.9\.0, which pi-\d runs, has no evaluation set/),
    });
    expect(against(set('other'))).toMatchObject({ message: expect.stringContaining('another evaluation set') });
    expect(against(set('same'))).toMatchObject({ kind: 'plan' });
  });

  it('refuses a maintenance window that nobody can read', () => {
    const odd = ten.map((one) => ({ ...one, labels: { ...one.labels, maintenance: 'at-night' } }));
    expect(order(read(), odd)).toMatch(/maintenance=at-night: no maintenance window; expected hours such as/);
  });

  it('counts only what must travel', () => {
    const digest = 'c'.repeat(64);
    const running = [
      {
        installationId: 'i',
        model: 'shapes',
        version: '1.0.0',
        versionDigest: digest,
        variant: 'onnxruntime-fp16',
        role: 'current' as const,
      },
    ];
    const request = read({ to: 'pi-1', waves: ['100%'] });
    const bytes = (manifests: Map<string, Manifest>) => {
      const plan = planRollout(request, { ...facts([device('pi-1', { running })], request), manifests });
      return plan.kind === 'plan' ? plan.targets[0]?.bytes : plan.message;
    };
    expect(bytes(new Map())).toBeGreaterThan(100);
    expect(bytes(new Map([[digest, makeManifest('1.0.0')]]))).toBe(0);
  });

  it('measures long enough for the percentile that a gate asks for', () => {
    expect(probeFor(read({ gates: ['latency.p50<=1s'] }).gates)).toBe('probe');
    expect(probeFor(read({ gates: ['latency.p90<=1.2x'] }).gates)).toBe('rapid');
  });
});

describe('a shadow', () => {
  const running = (versionDigest: string) => [
    {
      ...{ installationId: 'ins_x', model: 'shapes', version: '0.9.0', versionDigest, variant: 'v' },
      role: 'current' as const,
    },
  ];
  const shadow = (one: PlannedDevice) => planRollout(read(), { ...facts([one]), shadow: true });

  it('needs another version that it runs beside', () => {
    expect(shadow(device('a', { running: running('b'.repeat(64)) })).kind).toBe('plan');
    expect(shadow(device('a'))).toMatchObject({ field: 'to', message: expect.stringMatching(/a runs no shapes/) });
    expect(shadow(device('a', { running: running('a'.repeat(64)) }))).toMatchObject({
      message: 'a runs shapes@1.0.0 as its current version',
    });
  });
});

// What a person sees, as it stands on the screen, without its colours.
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { BenchRunView, DeviceView, RolloutView, TableRow } from '../../../shared/http-api.ts';
import { benchOf } from '../../../test/server/made-device.ts';
import { makeManifest, makeVariant } from '../../../test/server/make-version.ts';
import type { Fetched } from '../fetch-picture.ts';
import { benchText } from './bench-text.ts';
import { comparisonText } from './comparison-text.ts';
import { deviceText } from './device-text.ts';
import { devicesText } from './devices-text.ts';
import { pictureText } from './picture-text.ts';
import { planRefusals, planText } from './plan-text.ts';
import { rolloutChanges } from './rollout-changes.ts';
import { rolloutText } from './rollout-text.ts';
import { samplesCsv } from './samples-csv.ts';
import { seedTable } from './seed-table.ts';
import { versionText } from './version-text.ts';

const NOW = Date.UTC(2026, 0, 31, 12);
const iso = new Date(NOW).toISOString();
const sha = 'a'.repeat(64);
const id = (prefix: string, number: number) => `${prefix}_${String(number).padStart(26, '0')}`;
// With colours on, the spaces behind a line's last word stand before a reset.
const shown = (text: string) => `\n${stripVTControlCharacters(text).replace(/ +$/gm, '')}\n`;

const installation = (device: string, state: RolloutView['installations'][number]['state'], message?: string) => ({
  ...{ installationId: id('ins', device.length), device, model: 'stickers-lite', version: '1.1.0' },
  ...{ variant: 'onnxruntime-int8', rolloutId: id('rol', 1), generation: 2, state, since: iso },
  deadline: ['COMMITTED', 'ROLLED_BACK', 'REJECTED'].includes(state) ? null : iso,
  reason: message === undefined ? null : { code: 'memory_insufficient' as const, message },
});

const device = (name: string, change: Partial<DeviceView>): DeviceView => ({
  ...{ deviceId: id('dev', name.length), name, online: true, lastSeenMs: NOW, revoked: false },
  ...{ deviceClass: 'raspberry-pi-5-8gb', labels: { site: 'home' }, agentVersion: '0.1.0' },
  ...{ desiredGeneration: 1, reportedGeneration: 1, installations: [] },
  running: [{ model: 'stickers-lite', version: '1.0.0', versionDigest: sha, variant: 'v', role: 'current' }],
  ...change,
});

test('devices', () => {
  const devices = [
    device('pi-kitchen', { installations: [installation('pi-kitchen', 'DOWNLOADING')] }),
    device('pi-hall', { online: false, lastSeenMs: NOW - 125_000, labels: {} }),
    device('pi-desk', { online: false, lastSeenMs: null, running: [] }),
    device('pi-old', { revoked: true, running: [] }),
  ];
  expect(shown(devicesText(devices, NOW))).toBe(`
DEVICE      STATE               RUNS                                     CLASS               LABELS
pi-kitchen  online              stickers-lite@1.0.0 → 1.1.0 DOWNLOADING  raspberry-pi-5-8gb  site=home
pi-hall     seen 2 min 5 s ago  stickers-lite@1.0.0                      raspberry-pi-5-8gb
pi-desk     never seen          –                                        raspberry-pi-5-8gb  site=home
pi-old      revoked             –                                        raspberry-pi-5-8gb  site=home
`);
  const quarantine = { untilMs: NOW + 25 * 60_000, crashes: 3, message: 'SIGSEGV' };
  const [runs] = devices.map(({ running }) => running[0]);
  const left = device('pi-kitchen', { running: runs ? [{ ...runs, quarantine }] : [] });
  expect(shown(devicesText([left], NOW))).toContain('@1.0.0 quarantined for 25 min: its engine failed 3 times');
  expect(shown(devicesText([left], NOW + 30 * 60_000))).not.toContain('quarantined');
  const detail = { ...left, inventory: null, telemetry: null, shadows: [], enrolledAtMs: NOW };
  expect(shown(deviceText(detail, NOW))).toMatch(/left alone +stickers-lite@1\.0\.0, because SIGSEGV/);
  expect(shown(deviceText(detail, NOW))).toMatch(/variant +stickers-lite@1\.0\.0 as v\n/);
  expect(devicesText([], NOW)).toContain('still token create');
});

const gate = { metric: 'quality' as const, operator: '>=' as const, limit: 4, against: 'absolute' as const };
const verdict = {
  ...{
    gate,
    metric: 'quality' as const,
    verdict: 'pass' as const,
    value: 4.61,
    low: 4.4,
    high: 4.8,
    n: 48,
    device: 'pi-kitchen',
    ...{ deviceClass: 'raspberry-pi-5-8gb', confidence: 0.95, method: 'bootstrap' as const, groups: [] },
  },
  explanation: 'quality 4.61 [4.40, 4.80] on pi-kitchen (raspberry-pi-5-8gb, n = 48) satisfies quality>=4',
};
const wave = (
  index: number,
  state: RolloutView['waves'][number]['state'],
  devices: string[],
  committed = 0,
  failed = 0,
) => ({
  ...{ index, state, devices, attempted: committed + failed, contacted: committed + failed },
  ...{ committed, failed, total: devices.length, taken: [], gates: state === 'PASSED' ? [verdict] : [] },
});
const rollout = (change: Partial<RolloutView>): RolloutView => ({
  ...{ rolloutId: id('rol', 1), model: 'stickers-lite', version: '1.1.0', versionDigest: sha, selector: 'all' },
  ...{ gates: ['quality>=4'], state: 'RUNNING', startedAtMs: NOW - 12_300, endedAtMs: null, startedBy: 'admin' },
  ...{ confidence: 0.95, pace: {}, retries: 0, priority: 0, dynamicUntilMs: null, lateHold: null, revision: 1 },
  ...{ role: 'current', shadows: [] },
  ...{ changedBy: 'admin', changedWhat: 'started', changedAtMs: NOW },
  explanation: 'wave 2 of 3 is under way',
  waves: [
    wave(0, 'PASSED', ['pi-kitchen'], 1),
    wave(1, 'RUNNING', ['pi-hall', 'pi-desk'], 0, 1),
    wave(2, 'PENDING', ['pi-a', 'pi-b', 'pi-c']),
  ],
  installations: [
    installation('pi-kitchen', 'COMMITTED'),
    installation('pi-hall', 'PROBING'),
    installation('pi-desk', 'REJECTED', 'needs 512 MB, the device has 430 MB'),
  ],
  ...change,
});

test('a version says nothing of what its publisher could not measure', () => {
  const own = { machine: 'x64, 2 cores', process: 'engine', peakRssBytes: 200e6, loadMs: 100, latencyMs: 50 };
  const made = (name: string, over: object) =>
    makeVariant('fp16', { ...{ name, runtime: 'openvino', folder: 'openvino-fp16', measured: own }, ...over });
  const variants = [
    made('openvino-fp16', {}),
    made('openvino-fp16-f16', { inferencePrecision: 'f16', measured: { ...own, inferencePrecision: 'f32' } }),
    made('openvino-fp16-bf16', { inferencePrecision: 'bf16', measured: { ...own, latencyMs: 30 } }),
  ];
  const manifest = makeManifest('1.0.0', variants, false);
  const named = {
    model: 'foxes',
    version: '1.0.0',
    licence: 'MIT',
    versionDigest: sha,
    publishedAtMs: NOW,
    sizeBytes: 1,
  };
  const text = shown(versionText({ ...named, variants: [], manifest }));
  expect(text).toMatch(/openvino-fp16 .* 50\.0 ms +200 MB\n/);
  expect(text).toMatch(/openvino-fp16-f16 .* – +–\n/);
  expect(text).toMatch(/openvino-fp16-bf16 .* 30\.0 ms +200 MB\n/);
  expect(text).toContain("openvino-fp16-f16: the publisher's processor does not compute in f16; see");
  expect(text).not.toContain('bf16: the publisher');
});

test('a rollout as it stands', () => {
  expect(shown(rolloutText(rollout({}), NOW))).toBe(`
stickers-lite@1.1.0 to all  RUNNING  12 s  rol_00000000000000000000000001
  wave 1 of 3  PASSED  1 of 1 done
    pi-kitchen  1.1.0  COMMITTED
    ✓ quality 4.61 [4.40, 4.80] on pi-kitchen (raspberry-pi-5-8gb, n = 48) satisfies quality>=4
  wave 2 of 3  RUNNING  0 of 2 done, 1 failed
    pi-hall  1.1.0  PROBING
    pi-desk  1.1.0  REJECTED  needs 512 MB, the device has 430 MB
  wave 3 of 3  PENDING  3 devices
wave 2 of 3 is under way
`);
});

test('devices that another rollout took before they began are named', () => {
  const taken = ['pi-a', 'pi-b'].map((device) => ({ device, by: id('rol', 2) }));
  const waves = [{ ...wave(0, 'RUNNING', ['pi-hall']), taken }];
  expect(shown(rolloutText(rollout({ waves }), NOW))).toContain(`
    pi-hall  1.1.0  PROBING
    pi-a, pi-b taken over by rol_00000000000000000000000002
`);
});

test('a large wave shows counts, and names only what failed', () => {
  const names = Array.from({ length: 40 }, (_, index) => `pi-${index}`);
  const installations = names.map((name, index) => ({
    ...installation(name, index < 30 ? 'COMMITTED' : 'PROBING'),
    installationId: id('ins', index),
  }));
  const bad = { ...installation('pi-7', 'ROLLED_BACK', 'golden picture 2 differs by 31.5 levels'), generation: 3 };
  const text = rolloutText(
    rollout({ waves: [wave(0, 'RUNNING', names, 29, 1)], installations: [...installations, bad] }),
    NOW,
  );
  expect(shown(text)).toBe(`
stickers-lite@1.1.0 to all  RUNNING  12 s  rol_00000000000000000000000001
  wave 1 of 1  RUNNING  29 of 40 done, 1 failed
    29 COMMITTED, 1 ROLLED_BACK, 10 PROBING
    pi-7   1.1.0  ROLLED_BACK  golden picture 2 differs by 31.5 levels
wave 2 of 3 is under way
`);
});

test('changes of a rollout, one line each, and nothing where nothing changed', () => {
  const before = rollout({
    waves: [wave(0, 'RUNNING', ['pi-kitchen'])],
    installations: [installation('pi-kitchen', 'PROBING')],
  });
  const now = rollout({
    state: 'SUCCEEDED',
    waves: [wave(0, 'PASSED', ['pi-kitchen'], 1)],
    installations: [installation('pi-kitchen', 'COMMITTED')],
  });
  expect(rolloutChanges(before, before)).toEqual([]);
  expect(shown([...rolloutChanges(undefined, before), ...rolloutChanges(before, now)].join('\n'))).toBe(`
wave 1   starts: pi-kitchen
         1.1.0  PROBING      pi-kitchen
         1.1.0  COMMITTED    pi-kitchen
         ✓ quality 4.61 [4.40, 4.80] on pi-kitchen (raspberry-pi-5-8gb, n = 48) satisfies quality>=4
wave 1   PASSED
rollout  SUCCEEDED
`);
});

test('the seed table', () => {
  const row = (change: Partial<TableRow>): TableRow => ({
    ...{
      device: 'pi-kitchen',
      deviceClass: 'x',
      model: 'stickers-lite',
      version: '1.0.0',
      variant: 'onnxruntime-fp16',
    },
    ...{ parameters: 2_405_819, latencyMsP50: 412.4, latencyMsP90: 440, peakRssBytes: 143e6, quality: 4.2 },
    ...{ samples: 128, disturbed: false, measuredAtMs: NOW },
    pictures: null,
    ...change,
  });
  const rows = [
    row({ version: '1.10.0', variant: 'onnxruntime-int8', latencyMsP50: 39.7, quality: 4.567 }),
    row({}),
    row({ device: 'pi-desk', latencyMsP90: null, quality: null, disturbed: true }),
    row({ version: '1.9.0', pictures: { count: 3, seenMsP50: 455.3, onDeviceMsP50: 413 } }),
  ];
  expect(shown(seedTable(rows))).toBe(`
DEVICE      VERSION               VARIANT           PARAMETERS      P50     P90    SEEN  MEMORY  QUALITY
pi-desk     stickers-lite@1.0.0   onnxruntime-fp16      2.41 M   412 ms       –       –  143 MB        –  disturbed
pi-kitchen  stickers-lite@1.0.0   onnxruntime-fp16      2.41 M   412 ms  440 ms       –  143 MB   4.20/5
            stickers-lite@1.9.0   onnxruntime-fp16      2.41 M   412 ms  440 ms  455 ms  143 MB   4.20/5
            stickers-lite@1.10.0  onnxruntime-int8      2.41 M  39.7 ms  440 ms       –  143 MB   4.57/5
P50, P90: one picture, from prompt to PNG. MEMORY: peak of the engine process.
SEEN: one such picture as the server saw it, from request to PNG: line, network and transfer included (median).
QUALITY: by the version's own evaluator; its teacher stands at 5.
–: not measured there, or too few samples for that number.
disturbed: something else was going on there meanwhile; measure again when it is quiet.
`);
});

test('a plan', () => {
  const planned = { deviceClass: 'raspberry-pi-5-8gb', bytes: 5_200_000, predictedPeakBytes: 250e6, memoryBytes: 8e9 };
  const devices = [
    { ...planned, device: 'pi-kitchen', wave: 0, variant: 'onnxruntime-int8', why: 'the fastest that fits' },
    {
      ...planned,
      device: 'pi-zero',
      wave: 1,
      variant: null,
      why: 'no variant fits 400 MB',
      bytes: 0,
      predictedPeakBytes: null,
    },
  ];
  expect(shown(planText({ model: 'stickers-lite', version: '1.1.0', devices, conflicts: [] }))).toBe(`
WAVE  DEVICE      CLASS               VARIANT           DOWNLOAD        PEAK MEMORY  WHY
   1  pi-kitchen  raspberry-pi-5-8gb  onnxruntime-int8   5.20 MB  250 MB of 8.00 GB  the fastest that fits
   2  pi-zero     raspberry-pi-5-8gb  none fits              0 B                  –  no variant fits 400 MB
It would be refused: no variant fits pi-zero; leave them out.
Nothing was started.
`);
  const [fits] = devices;
  const plan = { model: 'stickers-lite', version: '1.1.0', devices: fits ? [fits] : [], conflicts: [] };
  expect(planRefusals(plan)).toEqual([]);
  expect(shown(planText(plan))).toContain('would go to 1 device, 5.20 MB to download. Nothing was started.\n');
  const held = { rolloutId: id('rol', 2), message: 'another holds pi-kitchen' };
  const over = { ...plan, conflicts: [{ ...held, takenOver: true }] };
  expect([planRefusals(over), shown(planText(over))]).toEqual([[], expect.stringContaining('Note: another holds')]);
  const refused = { ...plan, conflicts: [{ ...held, takenOver: false }] };
  expect(planRefusals(refused)).toEqual(['another holds pi-kitchen']);
  expect(shown(planText(refused))).toContain('It would be refused: another holds pi-kitchen.\nNothing was started.\n');
});

test('how far a download and a measurement are', () => {
  const installations = [installation('pi-kitchen', 'DOWNLOADING'), installation('pi-hall', 'PROBING')];
  const waves = [wave(0, 'RUNNING', ['pi-kitchen', 'pi-hall'])];
  const progress = new Map([
    [id('ins', 'pi-kitchen'.length), { stage: 'download', done: 3_140_000, total: 10_000_000 }],
    [id('ins', 'pi-hall'.length), { stage: 'quality', done: 12, total: 48 }],
  ]);
  expect(shown(rolloutText(rollout({ waves, installations, explanation: '' }), NOW, progress))).toBe(`
stickers-lite@1.1.0 to all  RUNNING  12 s  rol_00000000000000000000000001
  wave 1 of 1  RUNNING  0 of 2 done
    pi-kitchen  1.1.0  DOWNLOADING  3.14 MB of 10.0 MB
    pi-hall     1.1.0  PROBING  quality 12 of 48
`);
});

const side = (version: string, latencyMsP50: number) => ({
  ...{
    model: 'stickers-lite',
    version,
    versionDigest: sha,
    variant: 'openvino-fp16',
    runtimeVersion: 'openvino 2026.4.1',
  },
  ...{ latencyMsP50, peakRssBytes: 100e6 },
});
const comparison = {
  ...{ a: side('1.0.0', 16), b: side('1.1.0', 10), agentVersion: '0.1.0', threads: 4, probesMs: [9, 9] },
  pairsMs: [
    [16, 10],
    [17, 11],
  ] as [number, number][],
  disturbances: ['3 pages came back from swap'],
  verdict: { kind: 'b-faster' as const, ratio: 0.6301, low: 0.62, high: 0.655, confidence: 0.95, reason: '' },
  ...{ startedAtMs: 1, endedAtMs: 2 },
};

test('a comparison', () => {
  expect(shown(comparisonText({ device: 'pi-kitchen', deviceClass: 'pi-5', benchRunId: 'brn_1' }, comparison))).toBe(`
B is faster: it takes 0.63 of A's time. (B ÷ A between 0.620 and 0.655 at 95 %)
  A  stickers-lite@1.0.0 (openvino-fp16, openvino 2026.4.1): p50 16.0 ms, peak 100 MB
  B  stickers-lite@1.1.0 (openvino-fp16, openvino 2026.4.1): p50 10.0 ms, peak 100 MB
  on pi-kitchen (pi-5), 4 threads, 2 pairs of the same prompt and seed, in turn
  disturbed  3 pages came back from swap
  samples  still bench samples brn_1
`);
  const unknown = { kind: 'unknown' as const, ratio: null, low: null, high: null, confidence: 0.95, reason: '2 pairs' };
  expect(
    shown(
      comparisonText({ device: 'pi', deviceClass: 'pi-5', benchRunId: 'brn_1' }, { ...comparison, verdict: unknown }),
    ),
  ).toContain('It cannot be said which is faster: 2 pairs.\n');
});

test('raw samples', () => {
  expect(samplesCsv({ result: null, comparison })).toBe('pair,first,a_ms,b_ms\n0,a,16,10\n1,b,17,11');
});

test.each([
  [undefined, 'engine ready after 1.00 ms, first'],
  [{ anew: 0, fromCache: 0 }, 'engine ready after 1.00 ms, first'],
  [{ anew: 3, fromCache: 0 }, 'engine ready after 1.00 ms (3 graphs compiled), first'],
  [{ anew: 0, fromCache: 1 }, 'engine ready after 1.00 ms (1 graph compiled before), first'],
  [{ anew: 1, fromCache: 2 }, 'engine ready after 1.00 ms (2 graphs compiled before, 1 now), first'],
])('a bench says what of its cold start was compiled before: %o', (compiled, words) => {
  const wanted = { model: 'stickers-lite', version: '1.1.0', versionDigest: sha, variant: 'openvino-fp16' };
  const result = benchOf(
    { ...wanted, installationId: id('ins', 1), role: 'current', probe: 'probe' },
    compiled ? { compiled } : {},
  );
  expect(shown(benchText({ device: 'pi-desk', ...wanted, result } as unknown as BenchRunView))).toContain(words);
});

test('a bench names the class, and each step only as far as a line holds them', () => {
  const wanted = { model: 'stickers-lite', version: '1.1.0', versionDigest: sha, variant: 'openvino-fp16' };
  const textOf = (stepsMsP50: number[]) => {
    const result = benchOf(
      { ...wanted, installationId: id('ins', 1), role: 'current', probe: 'probe' },
      { stepsMsP50 },
    );
    return shown(benchText({ device: 'pi-desk', deviceClass: 'pi-5', ...wanted, result } as unknown as BenchRunView));
  };
  expect(textOf([6, 5])).toMatch(/^\nstickers-lite@1\.1\.0 on pi-desk \(pi-5\)\n/);
  expect(textOf([6, 5])).toMatch(/steps +6\.00 ms, 5\.00 ms\n/);
  const many = [6, ...Array(50).fill(5), 7];
  expect(textOf(many)).toMatch(/steps +52 evaluations, from 5\.00 ms to 7\.00 ms, the first 6\.00 ms \(--json/);
});

test('a picture that was kept from before says so', () => {
  const result = { ...{ width: 64, height: 64, steps: 3, latencyMs: 33, model: 'm', version: '1.0.0', seed: 5 } };
  const notices = { unknownWords: [], promptCuts: [], literalWeights: [] };
  const told = (cached?: boolean) =>
    shown(
      pictureText('fox.png', {
        view: { device: 'pi-desk', request: {} },
        result: { ...result, ...notices, cached },
      } as unknown as Fetched),
    );
  expect(told()).toContain('3 steps, 33.0 ms on pi-desk, m@1.0.0');
  expect(told(true)).toContain('3 steps, kept on pi-desk, where it took 33.0 ms, m@1.0.0');
});

test.each([
  ['Convolution', 'ref_any_f16', true],
  ['FullyConnected', 'ref_f32', true],
  ['Convert', 'ref_i64', false],
  ['Convolution', 'jit_avx512_f32', false],
])('a bench calls slow what costs: %s in %s', (operator, kernel, slow) => {
  const wanted = { model: 'stickers-lite', version: '1.1.0', versionDigest: sha, variant: 'openvino-fp16' };
  const kernels = [{ graph: 'unet', operator, kernel, share: 0.9 }];
  const result = benchOf({ ...wanted, installationId: id('ins', 1), role: 'current', probe: 'probe' }, { kernels });
  const text = shown(benchText({ device: 'pi-desk', ...wanted, result } as unknown as BenchRunView));
  expect(text.includes('runs in the reference kernel')).toBe(slow);
});

test('a bench says what the device does not tell, and rounds no share up to all', () => {
  const wanted = { model: 'stickers-lite', version: '1.1.0', versionDigest: sha, variant: 'openvino-fp16' };
  const textOf = (more: object) => {
    const result = benchOf({ ...wanted, installationId: id('ins', 1), role: 'current', probe: 'probe' }, more);
    return shown(benchText({ device: 'pi-desk', deviceClass: 'pi-5', ...wanted, result } as unknown as BenchRunView));
  };
  const silent = { energyJoulesPerPicture: null, temperatureMaxCelsius: null, frequencyMhz: null };
  expect(textOf(silent)).toMatch(/not told +energy, temperature, clock frequency: not readable on this device\n/);
  const told = { energyJoulesPerPicture: 2.5, temperatureMaxCelsius: 61, frequencyMhz: { low: 1500, high: 2400 } };
  expect(textOf(told)).not.toContain('not told');
  expect(textOf({ ...silent, temperatureMaxCelsius: 61 })).toMatch(/not told +energy, clock frequency: /);
  const quality = { score: 5, interval: { low: 5, high: 5, confidence: 0.95 }, pictures: [1, 0.8], artifacts: null };
  expect(textOf({ quality: { ...quality, adherence: 0.9958, whole: 1 } })).toContain(
    '(99 % of all parts right, 100 % of the pictures whole, n = 2)',
  );
});

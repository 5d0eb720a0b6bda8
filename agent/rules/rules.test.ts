import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AdmissionFacts, admissionFault } from './admission.ts';
import { backoffMs } from './backoff.ts';
import { chooseRunning } from './choose-running.ts';
import { fitBench } from './fit-report.ts';
import { keptSlots } from './kept-versions.ts';

const variantOf = (peakRssBytes: number, more: Partial<AdmissionFacts['variant']> = {}) => ({
  ...{ name: 'onnxruntime-fp16', runtime: 'onnxruntime' as const },
  measured: { machine: 'a laptop', peakRssBytes, loadMs: 1, latencyMs: 1 },
  ...more,
});

describe('admissionFault', () => {
  const facts = {
    variant: variantOf(500),
    installedRuntimes: ['onnxruntime'],
    processor: { architecture: 'arm64', cpuFeatures: ['asimd'] },
    history: undefined,
    memoryAvailableBytes: 400,
    memoryReclaimableBytes: 100,
    missingBytes: 1000,
    diskFreeBytes: 1016,
    diskReserveBytes: 16,
  };

  it('admits what just fits', () => {
    expect(admissionFault(facts)).toBeNull();
  });

  it.each([
    ['runtime_missing', { variant: variantOf(500, { runtime: 'openvino' }) }, /openvino; installed: onnxruntime/],
    [
      'processor_unsupported',
      { variant: variantOf(500, { instructionSets: { arm64: ['asimd', 'asimddp'] } }) },
      /needs asimd, asimddp of an arm64 processor, this one lacks asimddp; roll out another variant/,
    ],
    ['memory_insufficient', { variant: variantOf(501) }, /501 bytes .*on a laptop.* 500 available, 1 too few/],
    [
      'memory_insufficient',
      { history: { deviceClass: 'raspberry-pi-4-2gb', runs: 3, peakRssBytes: 700 } },
      /700 bytes .*the most in 3 runs on raspberry-pi-4-2gb.*500 available, 200 too few/,
    ],
    [
      'memory_insufficient',
      { variant: variantOf(9000, { inTurnPeakBytes: 600 }) },
      /needs 600 bytes .*one part held at a time; 9000 measured on a laptop.* 500 available, 100 too few/,
    ],
    ['disk_full', { diskFreeBytes: 1000 }, /16 bytes are missing/],
  ])('refuses with %s and the numbers', (code, change, words) => {
    const fault = admissionFault({ ...facts, ...change });
    expect(fault?.code).toBe(code);
    expect(fault?.message).toMatch(words);
  });

  it('admits what fits one part at a time, whatever was seen of the whole', () => {
    const history = { deviceClass: 'raspberry-pi-4-2gb', runs: 3, peakRssBytes: 9000 };
    expect(admissionFault({ ...facts, variant: variantOf(9000, { inTurnPeakBytes: 500 }), history })).toBeNull();
  });

  it("believes the class's own history before the publisher's machine", () => {
    const history = { deviceClass: 'raspberry-pi-4-2gb', runs: 3, peakRssBytes: 400 };
    expect(admissionFault({ ...facts, variant: variantOf(9000), history })).toBeNull();
  });

  it('does not look at the disk when everything is here', () => {
    expect(admissionFault({ ...facts, missingBytes: 0, diskFreeBytes: 0 })).toBeNull();
  });
});

describe('backoffMs', () => {
  it('stays below the exponential bound and the ceiling', () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, uniform) => {
        const delayMs = backoffMs(attempt, uniform, { baseMs: 250, maxMs: 60_000 });
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(Math.min(60_000, 250 * 2 ** attempt));
      }),
    );
  });
});

describe('chooseRunning', () => {
  const place = (model: string, version: string, role: 'current' | 'shadow') => ({
    ...{ installationId: 'i', model, version, role, versionDigest: 'd', variant: 'v' },
  });
  const running = [place('a', '2.0.0', 'shadow'), place('a', '1.0.0', 'current'), place('b', '1.0.0', 'current')];

  it.each([
    ['nothing named: the first current one', {}, running[1]],
    ['a model', { model: 'b' }, running[2]],
    ['a version that runs as a shadow', { model: 'a', version: '2.0.0' }, running[0]],
    ['a version that does not run', { model: 'a', version: '3.0.0' }, null],
    ['a model that does not run', { model: 'c' }, null],
  ])('%s', (_name, request, expected) => {
    expect(chooseRunning(request, running)).toEqual(expected);
  });

  it('never takes a shadow that was not named', () => {
    expect(chooseRunning({ model: 'a' }, [running[0] as (typeof running)[0]])).toBeNull();
  });
});

describe('fitBench', () => {
  const stagesMs = { tokenize: 0.123456789, encode: 1.23456789, denoise: 99.87654321, decode: 1.23456, png: 0.5 };
  const result = (samples: number) =>
    ({ samples: Array.from({ length: samples }, () => ({ latencyMs: 123.456789, stagesMs })), quality: null }) as never;

  it('keeps the stages of a short run', () => {
    expect(fitBench(result(100), 100_000).samples[0]).toEqual({
      latencyMs: 123.46,
      stagesMs: { tokenize: 0.12, encode: 1.23, denoise: 99.88, decode: 1.23, png: 0.5 },
    });
  });

  it.each([128 * 1024, 200_000, 90_000])(
    'fits the longest run into %i bytes with every latency and some stages',
    (most) => {
      const fitted = fitBench(result(2000), most);
      expect(JSON.stringify(fitted).length).toBeLessThan(most);
      expect(fitted.samples).toHaveLength(2000);
      const whole = fitted.samples.flatMap(({ stagesMs: { denoise } }, i) => (denoise === undefined ? [] : [i]));
      const gaps = whole.slice(1).map((place, i) => place - (whole[i] as number));
      expect(new Set(gaps).size).toBe(1);
      expect(whole.length).toBeGreaterThan(40);
    },
  );
});

describe('keptSlots', () => {
  it('names what runs, what ran before and what is on its way', () => {
    const at = (versionDigest: string) => ({ versionDigest, variant: 'v' });
    expect(keptSlots([at('a')], [at('b')], [at('c')])).toEqual(new Set(['a-v', 'b-v', 'c-v']));
  });
});

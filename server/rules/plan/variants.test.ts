import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inventory } from '../../../test/raspberry-pi.ts';
import { makeManifest, makeVariant } from '../../../test/server/make-version.ts';
import { chooseVariant, type VariantEvidence } from './variants.ts';

const manifest = makeManifest('1.0.0', [makeVariant('fp32'), makeVariant('int8'), makeVariant('fp16')]);
const pi = { manifest, deviceClass: 'raspberry-pi-5-8gb', inventory, evidence: [] };
const measured = (variant: string, latencyMsP50: number, quality: number, peakRssBytes = 100e6): VariantEvidence => ({
  ...{ variant, latencyMsP50, quality, peakRssBytes, deviceClass: 'raspberry-pi-5-8gb', runs: 2 },
});

describe('chooseVariant', () => {
  it('goes by rule where nothing was measured, and says so', () => {
    expect(chooseVariant(pi)).toMatchObject({
      variant: 'onnxruntime-fp16',
      why: expect.stringMatching(/by rule.*nothing was measured/),
      predictedPeakBytes: 200e6,
    });
  });

  describe('on a device that lacks the memory for the whole', () => {
    const [large, small] = [
      { ...makeVariant('fp32'), inTurnPeakBytes: 90e6 },
      {
        ...makeVariant('int8'),
        measured: { ...makeVariant('int8').measured, peakRssBytes: 150e6 },
        inTurnPeakBytes: 140e6,
      },
    ];
    const of = (memoryBytes: number, variants = [large]) =>
      chooseVariant({ ...pi, manifest: makeManifest('1.0.0', variants), inventory: { ...inventory, memoryBytes } });

    it('takes what fits one part at a time', () => expect(of(125e6)).toMatchObject({ variant: 'onnxruntime-fp32' }));

    it('refuses what does not even fit so, with the numbers', () =>
      expect(of(100e6)).toMatchObject({
        variant: null,
        why: expect.stringMatching(/needs 90 MB with one part held at a time, the device can give 80 MB of 100 MB/),
      }));

    it('takes what fits whole before it', () => {
      expect(of(200e6, [large, small])).toMatchObject({ variant: 'onnxruntime-int8' });
      expect(of(150e6, [large, small])).toMatchObject({ variant: 'onnxruntime-fp32' });
    });
  });

  it('takes the fastest of the best where every variant was measured on this class', () => {
    const evidence = [
      measured('onnxruntime-fp32', 90, 4.6),
      measured('onnxruntime-fp16', 60, 4.55),
      measured('onnxruntime-int8', 20, 3.0),
    ];
    const choice = chooseVariant({ ...pi, evidence });
    expect(choice).toMatchObject({ variant: 'onnxruntime-fp16', why: expect.stringContaining('60.0 ms') });
    expect(choice.why).toContain('onnxruntime-int8 20.0 ms, 100 MB, quality 3.00');
  });

  it('chooses from the Pareto front, and names what is worse in every way and what was not measured', () => {
    const evidence = [measured('onnxruntime-fp32', 90, 4.5, 300e6), measured('onnxruntime-fp16', 60, 4.55, 150e6)];
    const choice = chooseVariant({ ...pi, evidence });
    expect(choice.variant).toBe('onnxruntime-fp16');
    expect(choice.why).toContain('onnxruntime-fp32 90.0 ms, 300 MB, quality 4.50, worse in every way');
    expect(choice.why).toContain('not measured there: onnxruntime-int8 (--variant brings one)');
  });

  it('never chooses what something else beats in everything', () => {
    const figure = fc.record({
      latencyMsP50: fc.integer({ min: 1, max: 99 }),
      quality: fc.integer({ min: 0, max: 5 }),
      peakRssBytes: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(fc.tuple(figure, figure, figure), (figures) => {
        const evidence = figures.map((one, i) => ({
          ...measured(`onnxruntime-${['fp32', 'fp16', 'int8'][i]}`, one.latencyMsP50, one.quality, one.peakRssBytes),
        }));
        const chosen = evidence.find(({ variant }) => variant === chooseVariant({ ...pi, evidence }).variant);
        const beaten = evidence.some(
          (one) =>
            chosen &&
            one.latencyMsP50 < chosen.latencyMsP50 &&
            (one.quality ?? 0) > (chosen.quality ?? 0) &&
            one.peakRssBytes < chosen.peakRssBytes,
        );
        expect(beaten).toBe(false);
      }),
    );
  });

  it('does not go by measurements of another class', () => {
    const evidence = ['fp32', 'fp16', 'int8'].map((precision) => ({
      ...measured(`onnxruntime-${precision}`, precision === 'int8' ? 1 : 100, 4),
      deviceClass: 'x86-64-2c-4gb',
    }));
    expect(chooseVariant({ ...pi, evidence }).variant).toBe('onnxruntime-fp16');
  });

  it('leaves out what does not fit, with the numbers', () => {
    const small = { ...inventory, memoryBytes: 240e6 };
    expect(chooseVariant({ ...pi, inventory: small })).toMatchObject({
      variant: null,
      why: expect.stringMatching(/needs 200 MB.*give 192 MB of 240 MB/),
    });
    // What this class measured counts more than what the publisher did.
    const evidence = [measured('onnxruntime-int8', 50, 4, 90e6)];
    expect(chooseVariant({ ...pi, inventory: small, evidence })).toMatchObject({
      variant: 'onnxruntime-int8',
      why: expect.stringContaining('measured on raspberry-pi-5-8gb: 50.0 ms, 90 MB'),
    });
  });

  it('leaves out what the device has no runtime for', () => {
    const bare = { ...inventory, runtimes: [] };
    expect(chooseVariant({ ...pi, inventory: bare }).why).toContain(
      'needs the runtime onnxruntime, the device has none',
    );
    const manifest = makeManifest('1.0.0', [makeVariant('fp16', { name: 'openvino-fp16', runtime: 'openvino' })]);
    expect(chooseVariant({ ...pi, manifest }).why).toBe(
      'openvino-fp16 needs the runtime openvino, the device has onnxruntime; "still runtime install openvino" there brings it',
    );
  });

  it('leaves out what the processor cannot run, and takes the next best', () => {
    const variants = [makeVariant('int8'), makeVariant('fp16', { instructionSets: { arm64: ['fphp'], x64: [] } })];
    const choice = chooseVariant({ ...pi, manifest: makeManifest('1.0.0', variants) });
    expect(choice).toMatchObject({ variant: 'onnxruntime-int8', why: 'the only variant that fits' });
    const only = makeManifest('1.0.0', variants.slice(1));
    expect(chooseVariant({ ...pi, manifest: only })).toMatchObject({
      variant: null,
      why: 'onnxruntime-fp16 needs fphp of an arm64 processor, this one lacks fphp',
    });
  });

  describe('of variants that compute in 16 bits', () => {
    const made = (name: string, over: Record<string, unknown>) =>
      makeVariant('fp16', { ...{ name, folder: name, runtime: 'openvino' }, ...over });
    const manifest = makeManifest('1.0.0', [
      made('openvino-fp16', {}),
      made('openvino-fp16-f16', { inferencePrecision: 'f16', instructionSets: { arm64: ['asimdhp'] } }),
      made('openvino-fp16-bf16', { inferencePrecision: 'bf16', instructionSets: { x64: ['avx512_bf16'] } }),
    ]);
    const runtimes = [{ runtime: 'openvino' as const, version: '2026.4.1' }];
    const on = (architecture: string, ...cpuFeatures: string[]) =>
      chooseVariant({ ...pi, manifest, inventory: { ...inventory, runtimes, architecture, cpuFeatures } }).variant;

    it('takes the one that the processor has instructions for', () => {
      expect(on('arm64', 'asimd', 'asimdhp')).toBe('openvino-fp16-f16');
      expect(on('arm64', 'asimd')).toBe('openvino-fp16');
      expect(on('x64', 'avx512f', 'avx512_bf16')).toBe('openvino-fp16-bf16');
      expect(on('x64', 'avx2')).toBe('openvino-fp16');
    });

    it('names what fits where the one that the operator named does not', () => {
      const device = { ...inventory, runtimes, architecture: 'x64', cpuFeatures: ['avx2'] };
      const asked = { ...pi, manifest, inventory: device, wanted: 'openvino-fp16-bf16' };
      expect(chooseVariant(asked)).toMatchObject({
        variant: null,
        why: 'openvino-fp16-bf16 needs avx512_bf16 of an x64 processor, this one lacks avx512_bf16; what fits is openvino-fp16',
      });
    });

    it('takes none on a device that has not said what it is', () =>
      expect(chooseVariant({ ...pi, manifest, inventory: null }).variant).toBe('openvino-fp16'));

    it('goes by what was measured as soon as there is something', () => {
      const device = { ...inventory, runtimes, cpuFeatures: ['asimd', 'asimdhp'] };
      const evidence = [measured('openvino-fp16', 90, 4.6), measured('openvino-fp16-f16', 50, 4.1)];
      expect(chooseVariant({ ...pi, manifest, inventory: device, evidence }).variant).toBe('openvino-fp16');
    });
  });

  it('obeys the operator, but not against what fits', () => {
    expect(chooseVariant({ ...pi, wanted: 'onnxruntime-fp32' })).toMatchObject({
      variant: 'onnxruntime-fp32',
      why: 'named by the operator',
    });
    expect(chooseVariant({ ...pi, wanted: 'openvino-int4' })).toMatchObject({
      variant: null,
      why: expect.stringContaining('openvino-int4'),
    });
  });
});

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
      why: expect.stringMatching(/by rule.*not every variant/),
      predictedPeakBytes: 200e6,
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
    expect(choice.why).toContain('onnxruntime-int8 20.0 ms, quality 3.00');
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
      why: 'the only variant that fits',
    });
  });

  it('leaves out what the device has no runtime for', () => {
    const bare = { ...inventory, runtimes: [] };
    expect(chooseVariant({ ...pi, inventory: bare }).why).toContain(
      'needs the runtime onnxruntime, the device has none',
    );
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

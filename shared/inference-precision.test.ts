import { describe, expect, it } from 'vitest';
import { inferencePrecisionOf, inferencePrecisionsOf, instructionSetsFor, variantName } from './inference-precision.ts';

it.each([
  [{ runtime: 'openvino', precision: 'fp16' }, 'openvino-fp16'],
  [{ runtime: 'openvino', precision: 'fp16', inferencePrecision: 'f32' }, 'openvino-fp16'],
  [{ runtime: 'openvino', precision: 'fp16', inferencePrecision: 'f16' }, 'openvino-fp16-f16'],
  [{ runtime: 'openvino', precision: 'fp32', inferencePrecision: 'bf16' }, 'openvino-fp32-bf16'],
  // Weights that are stored in it are computed in it.
  [{ runtime: 'openvino', precision: 'bf16' }, 'openvino-bf16'],
  [{ runtime: 'openvino', precision: 'bf16', inferencePrecision: 'f32' }, 'openvino-bf16-f32'],
  [{ runtime: 'onnxruntime', precision: 'bf16' }, 'onnxruntime-bf16'],
] as const)('%o is called %s', (variant, name) => expect(variantName(variant)).toBe(name));

it.each([
  ['openvino', 'bf16'],
  // It has no bf16: graphs with such weights widen them.
  ['onnxruntime', 'f32'],
] as const)('%s computes weights of bf16 in %s', (runtime, precision) =>
  expect(inferencePrecisionOf({ runtime, precision: 'bf16' })).toBe(precision),
);

describe('inferencePrecisionsOf', () => {
  const [pi5, pi4] = [
    ['neon', 'asimd', 'asimdhp', 'asimddp'],
    ['neon', 'asimd'],
  ];

  it.each([
    ['openvino', 'arm64', pi5, ['f32', 'f16']],
    ['openvino', 'arm64', pi4, ['f32']],
    ['openvino', 'x64', ['avx2', 'avx512f', 'avx512_bf16'], ['f32', 'bf16']],
    ['openvino', 'x64', ['avx2', 'avx512_fp16'], ['f32']],
    ['onnxruntime', 'x64', ['avx512_bf16'], ['f32']],
    // Features that could not be read are taken for none.
    ['openvino', 'arm64', [], ['f32']],
  ])('on %s, %s with %j', (runtime, architecture, cpuFeatures, precisions) =>
    expect(inferencePrecisionsOf(runtime, { architecture, cpuFeatures })).toEqual(precisions),
  );
});

it('asks nothing of a processor that computes in f32', () => expect(instructionSetsFor('f32')).toEqual({}));

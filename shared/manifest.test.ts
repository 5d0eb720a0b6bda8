import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from './canonical-json.ts';
import { ArtifactPath, artifactsForDevice, Manifest, manifestFaults } from './manifest.ts';

const sha = (n: number) => n.toString(16).padStart(64, '0');
const artifact = (path: string, n: number) => ({ path, sha256: sha(n), sizeBytes: 10 });

const manifest = (): Manifest =>
  Manifest.parse({
    schemaVersion: 1,
    model: 'shapes',
    version: '1.0.0',
    licence: 'Apache-2.0',
    pipeline: { _class_name: 'StillhousePipeline', unet: ['stillhouse_models', 'LiteUNet'] },
    artifacts: [
      artifact('onnxruntime-fp16/model_index.json', 1),
      artifact('onnxruntime-fp16/unet/model.onnx', 2),
      artifact('golden/0.png', 3),
      artifact('evaluation/teacher/000.png', 4),
    ],
    variants: [
      {
        name: 'onnxruntime-fp16',
        runtime: 'onnxruntime',
        precision: 'fp16',
        folder: 'onnxruntime-fp16',
        artifacts: ['onnxruntime-fp16/model_index.json', 'onnxruntime-fp16/unet/model.onnx'],
        resolution: { width: 64, height: 64 },
        steps: 8,
        guidanceScale: 1,
        parameters: 1000,
        measured: { machine: 'a desk', peakRssBytes: 1, loadMs: 1, latencyMs: 1 },
        golden: {
          maxMeanAbsoluteDifference: 1,
          pictures: [{ prompt: 'a circle', seed: 1, steps: 8, guidanceScale: 1, picture: 'golden/0.png' }],
        },
      },
    ],
  });

describe('ArtifactPath', () => {
  it.each(['a', 'unet/model.onnx', 'a/b/c.d', 'v1.0/x_y-z+1'])('takes %s', (path) => {
    expect(ArtifactPath.safeParse(path).success).toBe(true);
  });

  it.each([
    '../x',
    'a/../b',
    '/etc/passwd',
    'a//b',
    './a',
    'a/',
    'C:\\x',
    'a b',
    'a\0b',
    '.ssh/key',
    'a/.hidden',
    'ä',
    '',
  ])('refuses %j', (path) => expect(ArtifactPath.safeParse(path).success).toBe(false));

  it('never lets a path out of its folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '/', '\\', '-'), maxLength: 12 }), (text) => {
        if (!ArtifactPath.safeParse(text).success) return;
        expect(new URL(text, 'file:///slot/').pathname).toBe(`/slot/${text}`);
      }),
    );
  });
});

describe('manifestFaults', () => {
  it('finds none in a consistent manifest', () => expect(manifestFaults(manifest())).toEqual([]));

  it('names what is missing, doubled or miscounted', () => {
    const bad = manifest();
    bad.artifacts.push(artifact('golden/0.png', 9), artifact('Golden/0.png', 10));
    bad.variants[0]?.artifacts.push('onnxruntime-fp16/absent.onnx');
    bad.artifacts.push({
      ...artifact('big', 11),
      sizeBytes: 10_000,
      chunks: { chunkSizeBytes: 4096, sha256: [sha(1)] },
    });
    const adapter = { path: 'golden/0.png', scale: 1, components: ['unet'] };
    Object.assign(bad.variants[0] ?? {}, { adapters: [adapter] });
    const faults = manifestFaults(bad).join('\n');
    expect(faults).toContain('the same path stands twice');
    expect(faults).toContain('differ only in upper and lower case');
    expect(faults).toContain('"onnxruntime-fp16/absent.onnx" is not among the artifacts');
    expect(faults).toContain('adapters: "golden/0.png" is not among its artifacts');
    expect(faults).toContain('"big" has 1 chunk digests');
  });

  it('names a variant that its runtime does not compute so', () => {
    const [on, over] = [manifest(), manifest()];
    Object.assign(on.variants[0] ?? {}, { inferencePrecision: 'f16', runtime: 'openvino' });
    Object.assign(over.variants[0] ?? {}, { inferencePrecision: 'f16' });
    expect(manifestFaults(on)).toEqual([]);
    expect(manifestFaults(over)).toEqual([
      'variants.onnxruntime-fp16.inferencePrecision: ONNX Runtime computes in f32, not in f16',
    ]);
  });
});

describe('artifactsForDevice', () => {
  it('takes what runs and proves the variant and leaves the rest', () => {
    const version = manifest();
    const [variant] = version.variants;
    const paths = variant && artifactsForDevice(version, variant).map(({ path }) => path);
    expect(paths).toEqual(['onnxruntime-fp16/model_index.json', 'onnxruntime-fp16/unet/model.onnx', 'golden/0.png']);
  });
});

describe('canonicalJson', () => {
  it('does not depend on the order of keys, and parses back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        // JSON has no -0.
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    expect(canonicalJson({ b: 1, a: [1.5, 'x', null, true], Z: { é: 0.1, e: 1e21 } })).toBe(
      '{"Z":{"e":1e+21,"é":0.1},"a":[1.5,"x",null,true],"b":1}',
    );
  });

  it('refuses what JSON cannot carry', () => {
    expect(() => canonicalJson({ a: Number.NaN })).toThrow(TypeError);
  });
});

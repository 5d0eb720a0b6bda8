import { describe, expect, it } from 'vitest';
import { edgePixels, type NetworkShape, type Stage } from './picture-bytes.ts';
import { type MemoryComponent, type MemoryFacts, predictMemory } from './predict-memory.ts';

const part = (stage: Stage, bytes: number, weightBytes = 0, graphBytes = 0): MemoryComponent => {
  return { stage, bytes, graphBytes, weightBytes, followed: false };
};
/** Of a graph whose weights stand beside it. */
const weighing = (stage: Stage, weightBytes: number, graphBytes = 0) =>
  part(stage, weightBytes + graphBytes, weightBytes, graphBytes);

const components = [part('denoise', 30e6), part('encode', 10e6)] as const;
const facts: MemoryFacts = {
  ...{ runtime: 'onnxruntime', inferencePrecision: 'f32', parameters: 10e6, components },
  ...{ graphBytes: 0, weightBytes: 0, decodes: false },
  ...{ publishedPeakBytes: 0, observed: null, shape: null, adapted: { graphBytes: 0, weightBytes: 0 } },
  encoder: { graphBytes: 0, weightBytes: 0 },
};

describe('predictMemory', () => {
  it('goes by the parameters of a version that was never loaded here', () => {
    expect(predictMemory(facts, { pixels: 4096 })).toEqual({ togetherBytes: 212e6, inTurnBytes: 189e6 });
  });

  it('counts the weights that stand beside a graph once, and a decoder', () => {
    const beside = { ...facts, weightBytes: 40e6 };
    expect(predictMemory(beside, { pixels: 4096 }).togetherBytes).toBe(173e6);
    expect(predictMemory({ ...beside, decodes: true }, { pixels: 4096 }).togetherBytes).toBe(169e6);
    expect(predictMemory({ ...beside, runtime: 'openvino', graphBytes: 1e6 }, { pixels: 4096 }).togetherBytes).toBe(
      264e6,
    );
  });

  const shape: NetworkShape = {
    ...{ denoiser: 'unet', heads: 8, tokenSide: 8, words: 0, channels: 100, latentSide: 8, textScores: 0 },
    ...{ convolved: 0, multipliesBytes: true },
    ...{ scores: 'several times', decoderScores: 'several times' },
    ...{ decoderChannels: 32, decoderAttends: true, tilePixels: 256, cut: false },
  };
  const latents = 4096;
  const both = [weighing('denoise', 30e6), weighing('encode', 10e6)];
  const beside = { ...facts, weightBytes: 40e6, decodes: true, shape, components: both };
  const bytesOf = (known: Partial<MemoryFacts>, how = {}) =>
    predictMemory({ ...beside, ...known }, { pixels: 64 * latents, ...how }).togetherBytes;

  const denoised = (batch: number) => batch * (2.1 * 4 * 8 * latents ** 2 + 105 * 100 * latents);
  const decoded = (count: number) => 2 * 4 * count ** 2 + 24 * 32 * 64 * count;

  it('counts what the layers of a picture hold, the larger of denoiser and decoder, and the denoiser’s of each of a batch', () => {
    expect(denoised(1)).toBeGreaterThan(decoded(latents));
    expect(bytesOf({})).toBeCloseTo(169e6 + denoised(1), -1);
    expect(bytesOf({}, { batch: 4 })).toBeCloseTo(169e6 + denoised(4), -1);
    const plain = { ...shape, scores: 'none' } as const;
    expect(bytesOf({ shape: plain })).toBeCloseTo(169e6 + decoded(latents), -1);
    const assembled = 27 * 64 * latents;
    expect(bytesOf({ shape: plain }, { tiled: true })).toBeCloseTo(169e6 + decoded(1024) + assembled, -1);
  });

  it('goes beyond what was seen by the networks’ shape, and between two sizes by a line', () => {
    const observed = { loadedBytes: 200e6, peaks: [{ pixels: 256 ** 2, bytes: 300e6 }] };
    const bytes = (side: number, seen: typeof observed | null) =>
      predictMemory({ ...facts, shape, observed: seen }, { pixels: side ** 2 }).togetherBytes;
    const [small, large] = [bytes(256, null), bytes(512, null)];
    expect(bytes(512, observed) - 300e6).toBeCloseTo(large - small, -1);
    expect(bytes(256, observed)).toBe(300e6);
    expect(bytes(128, observed)).toBeLessThan(300e6);
  });

  it('counts no scores that are computed piece by piece, and those within one operator once', () => {
    const scoresBytes = 4 * latents ** 2;
    // Only the denoiser's layers count: the decoder's would take more without scores.
    const narrow = { ...shape, decoderChannels: 0 };
    for (const part of [{ decoderAttends: false }, { heads: 0 }]) {
      const [out, within, none] = (['several times', 'once', 'none'] as const).map((kept) =>
        bytesOf({ shape: { ...narrow, ...part, channels: 0, scores: kept, decoderScores: kept } }),
      ) as [number, number, number];
      const [heads, held] = 'heads' in part ? [1, 2] : [8, 2.1];
      expect(out - none).toBeCloseTo(held * heads * scoresBytes, -1);
      expect(within - none).toBeCloseTo(1.1 * heads * scoresBytes, -1);
    }
  });

  it('counts the tokens of a transformer with their words, and the scores of what reads these', () => {
    const plain = { scores: 'none', decoderScores: 'none', decoderChannels: 0 } as const;
    const transformer: NetworkShape = { ...shape, ...plain, denoiser: 'transformer', tokenSide: 16, words: 500 };
    const [few, many] = [500, 1500].map((words) => bytesOf({ shape: { ...transformer, words } })) as [number, number];
    expect(many - few).toBeCloseTo((60 * 100 + 2240) * 1000, -1);
    const ofOpenVino = (denoiser: NetworkShape['denoiser']) => {
      const bytes = (words: number) =>
        bytesOf({ runtime: 'openvino', shape: { ...transformer, ...{ denoiser, words } } });
      return bytes(1500) - bytes(500);
    };
    expect(ofOpenVino('transformer')).toBeCloseTo(80 * 100 * 1000, -1);
    for (const turned of ['flux', 'z-image'] as const) expect(ofOpenVino(turned)).toBeCloseTo(230 * 100 * 1000, -1);
    const reading = bytesOf({ shape: { ...transformer, textScores: 10e6 } });
    expect(reading).toBeCloseTo(169e6 + 3.5 * 4 * 10e6, -1);
  });

  it('counts half of what layers hold, and less of their weights, where OpenVINO computes in 16 bits', () => {
    const openvino = { ...facts, runtime: 'openvino', weightBytes: 40e6 } as const;
    const [wide, narrow] = (['f32', 'bf16'] as const).map((inferencePrecision) => {
      const of = (pixels: number) =>
        predictMemory({ ...openvino, shape, inferencePrecision }, { pixels }).togetherBytes;
      return { loaded: of(0), grown: of(512 ** 2) - of(0) };
    });
    expect((wide?.loaded ?? 0) - (narrow?.loaded ?? 0)).toBe(17e6);
    expect((narrow?.grown ?? 0) / (wide?.grown ?? 1)).toBeCloseTo(0.5, 5);
  });

  it('knows that OpenVINO holds no scores but those of text', () => {
    const openvino = { runtime: 'openvino', decodes: false } as const;
    const [plain, large] = [null, { ...shape, textScores: 10e6 }].map((known) =>
      bytesOf({ ...openvino, shape: known }),
    ) as [number, number];
    expect(large - plain).toBeCloseTo(100 * 100 * latents + 27 * 32 * 64 * latents + 1.2 * 4 * 10e6, -1);
  });

  it('counts the forms of another size that stay, their weights once more, and not where nothing is compiled', () => {
    const openvino = { runtime: 'openvino', shape, graphBytes: 1e6 } as const;
    const kept = (how: object, known: Partial<MemoryFacts>) => bytesOf(known, { ...how, besidePixels: 16 * latents });
    expect(kept({}, openvino) - bytesOf(openvino)).toBeCloseTo(
      42e6 + 40e6 + (100 * 100 * latents) / 4 + 27 * 32 * 16 * latents,
      -1,
    );
    expect(kept({}, {})).toBe(bytesOf({}));
    const inTurn = (how: object) =>
      predictMemory({ ...beside, ...openvino }, { pixels: 64 * latents, ...how }).inTurnBytes;
    expect(inTurn({ besidePixels: 16 * latents })).toBe(inTurn({}));
  });

  it('counts the form that OpenVINO compiles for the tiles at a picture’s edge, the encoder’s, too', () => {
    const decoder = weighing('decode', 10e6, 1e6);
    const encoder = { graphBytes: 0.5e6, weightBytes: 8e6 };
    const openvino = {
      runtime: 'openvino',
      shape,
      graphBytes: 1e6,
      components: [...components, decoder],
      encoder,
    } as const;
    const laidOut = 4.2 * 2.5e6 + 40e6;
    const edge = 256 * 128;
    const taken = (how: object) => bytesOf(openvino, how) - 27 * 64 * latents;
    const [whole, within] = [
      bytesOf(openvino, { pixels: 256 ** 2 }),
      bytesOf(openvino, { pixels: 256 ** 2, tiled: true }),
    ];
    expect(within).toBe(whole);
    const denoised = 100 * 100 * (latents - 1024);
    expect(taken({ tiled: true }) - whole).toBeCloseTo(denoised + laidOut + 27 * 32 * edge, -1);
    const read = (how: object) => taken({ ...how, image: true }) - taken(how);
    const readWhole = bytesOf(openvino, { pixels: 256 ** 2, image: true }) - whole;
    expect(read({ tiled: true }) - readWhole).toBeCloseTo(4.2 * 2e6 + 20e6 + 20 * 32 * edge, -1);
    // Whole tiles end at an edge of their own.
    const sides = [448, 400].map((side) => edgePixels(shape, { pixels: side ** 2, tiled: true }) / 256);
    expect(sides).toEqual([64, 208]);
  });

  it('counts weights of fewer bits beside what they become, while they are loaded', () => {
    const half = {
      ...facts,
      weightBytes: 20e6,
      components: [part('denoise', 20e6)],
    } as const;
    expect(predictMemory(half, { pixels: 4096 }).togetherBytes).toBe(120e6 + 53e6 + 26e6);
    const full = {
      ...half,
      weightBytes: 40e6,
      components: [part('denoise', 40e6)],
      decodes: true,
    } as const;
    expect(predictMemory(full, { pixels: 4096 }).togetherBytes).toBe(128e6 + 41e6);
  });

  it('counts them in turn with each graph by itself, of which the largest is converted', () => {
    const halves = [5e6, 15e6].map((bytes) => part('denoise', bytes));
    const { togetherBytes, inTurnBytes } = predictMemory(
      { ...facts, components: halves, decodes: true },
      { pixels: 4096 },
    );
    expect(togetherBytes).toBe(128e6 + 41e6 + 0.75 * 20e6);
    expect(inTurnBytes).toBe(120e6 + 0.75 * (41e6 + 20e6));
  });

  // Peaks of `still run` of 256x256 (two cores, x64), the bytes of all weights and of the denoiser's.
  it.each([
    { of: 'sd', parameters: 86.7e6, bytes: 177e6, largestBytes: 161e6, peak: 704e6 },
    { of: 'sd', parameters: 86.7e6, bytes: 90e6, largestBytes: 81.4e6, peak: 790e6 },
    { of: 'sdxl', parameters: 62e6, bytes: 127e6, largestBytes: 107e6, peak: 454e6 },
    { of: 'sdxl', parameters: 62e6, bytes: 65.5e6, largestBytes: 55.2e6, peak: 680e6 },
    { of: 'flux', parameters: 51.9e6, bytes: 104.6e6, largestBytes: 73.8e6, peak: 405e6 },
    { of: 'flux', parameters: 51.9e6, bytes: 53.2e6, largestBytes: 37.4e6, peak: 524e6 },
    { of: 'sd3', parameters: 81.5e6, bytes: 164e6, largestBytes: 127e6, peak: 531e6 },
    { of: 'sd3', parameters: 81.5e6, bytes: 83.4e6, largestBytes: 64.4e6, peak: 782e6 },
    { of: 'z-image', parameters: 48.4e6, bytes: 97.5e6, largestBytes: 66.4e6, peak: 389e6 },
    { of: 'z-image', parameters: 48.4e6, bytes: 49.6e6, largestBytes: 33.7e6, peak: 442e6 },
  ])('is within 15 % of what weights of fewer bits took: %o', ({ parameters, bytes, largestBytes, peak }) => {
    const components = [part('encode', bytes - largestBytes), part('denoise', largestBytes)] as const;
    const { togetherBytes } = predictMemory({ ...facts, parameters, components, decodes: true }, { pixels: 256 ** 2 });
    expect(togetherBytes / peak).toBeGreaterThan(0.85);
    expect(togetherBytes / peak).toBeLessThan(1.15);
  });

  // Peaks of `still run --in-turn` of 256x256 (two cores, x64), weights of 16 bits, by what the denoiser weighs.
  it.each([
    { of: 'sd', parameters: 79.9e6, convolved: 48.7e6, channels: 96, peak: 682e6 },
    { of: 'sdxl', parameters: 123e6, convolved: 28.8e6, channels: 96, peak: 765e6 },
    { of: 'sd3', parameters: 78.7e6, convolved: 0, channels: 512, peak: 479e6 },
    { of: 'z-image', parameters: 29.9e6, convolved: 0, channels: 512, within: true, peak: 333e6 },
  ])('is within a twelfth of what halves took: %o', ({ parameters, convolved, channels, within, peak }) => {
    const denoiser = within ? part('denoise', 2 * parameters) : weighing('denoise', 2 * parameters);
    const known = { parameters, components: [denoiser], weightBytes: denoiser.weightBytes, decodes: true };
    const painted = { ...shape, scores: 'none', decoderScores: 'none', convolved, channels } as const;
    const { inTurnBytes } = predictMemory({ ...facts, ...known, shape: painted }, { pixels: 256 ** 2 });
    expect(inTurnBytes / peak).toBeGreaterThan(0.92);
    expect(inTurnBytes / peak).toBeLessThan(1.08);
  });

  it('knows that graphs in parts lay no convolutions out, and that decoders are nothing else', () => {
    const loading = (stage: Stage, known: Partial<NetworkShape>) => {
      const components = [weighing(stage, 20e6)];
      const half = { ...facts, weightBytes: 20e6, components, decodes: true };
      return predictMemory({ ...half, shape: { ...shape, ...known } }, { pixels: 0 }).togetherBytes - 169e6 - 3e6;
    };
    expect(loading('denoise', { convolved: 4e6 })).toBe(16e6);
    expect(loading('denoise', { convolved: 4e6, cut: true })).toBe(0);
    expect(loading('decode', {})).toBe(40e6);
    expect(loading('encode', { convolved: 4e6 })).toBe(0);
  });

  it('counts in turn the component that takes most, with what a picture takes in its stage', () => {
    const turns = (known: Partial<MemoryFacts>, how = {}) =>
      predictMemory({ ...beside, ...known }, { pixels: 64 * latents, ...how }).inTurnBytes - 120e6;
    const painting = { ...shape, scores: 'none', decoderScores: 'none', channels: 120 } as const;
    const decoder = part('decode', 10e6);
    const denoised = 0.75 * 41e6 + 105 * 120 * latents;
    const decoded = (pixels: number) => 8e6 + 0.25 * 41e6 + 24 * 32 * pixels;
    const both = { shape: painting, components: [part('denoise', 30e6), decoder] } as const;
    expect(decoded(64 * latents)).toBeGreaterThan(denoised);
    expect(turns(both)).toBeCloseTo(decoded(64 * latents), -1);
    const narrow = { ...both, shape: { ...painting, channels: 10 } };
    expect(turns(narrow, { tiled: true })).toBeCloseTo(decoded(256 ** 2) + 27 * 64 * latents, -1);
    expect(turns(both, { tiled: true })).toBeCloseTo(denoised, -1);
  });

  it('counts of a denoiser in parts the values of one part, which wait while the next is loaded', () => {
    const cut: NetworkShape = { ...shape, scores: 'none', decoderScores: 'none', decoderChannels: 0, cut: true };
    const parts = [5e6, 15e6, 20e6].map((bytes) => weighing('denoise', bytes));
    const { inTurnBytes } = predictMemory({ ...beside, shape: cut, components: parts }, { pixels: 64 * latents });
    expect(inTurnBytes).toBeCloseTo(120e6 + 0.5 * 41e6 + 65 * 100 * latents, -1);
  });

  it('counts of a decoder in parts the layers of the full size with the last one', () => {
    const cut: NetworkShape = { ...shape, scores: 'none', decoderScores: 'none', cut: true };
    const [first, last] = [{ ...weighing('decode', 36e6), followed: true }, weighing('decode', 4e6)];
    const bytes = (decoderChannels: number) =>
      predictMemory(
        { ...beside, shape: { ...cut, decoderChannels }, components: [first, last] },
        { pixels: 64 * latents },
      ).inTurnBytes - 128e6;
    expect(bytes(32)).toBeCloseTo(0.1 * 41e6 + 24 * 32 * 64 * latents, -1);
    expect(bytes(2)).toBeCloseTo(0.9 * 41e6 + 13.3 * 2 * 64 * latents, -1);
  });

  it('counts in turn what is read within a graph’s file where it is the one that takes most', () => {
    const parts = [weighing('denoise', 30e6), part('encode', 10e6)];
    const known = { ...facts, weightBytes: 30e6, components: parts, decodes: true };
    expect(predictMemory(known, { pixels: 4096 }).inTurnBytes).toBe(120e6 + 7.5e6 * 4.1);
    const within = [weighing('denoise', 15e6), part('encode', 25e6)];
    const encoding = predictMemory({ ...known, weightBytes: 15e6, components: within }, { pixels: 4096 });
    expect(encoding.inTurnBytes).toBe(120e6 + 6.25e6 * 9.2);
  });

  it('counts graphs that adapters are merged into more than once', () => {
    const adapted = { graphBytes: 10e6, weightBytes: 40e6 };
    expect(predictMemory({ ...facts, adapted }, { pixels: 4096 }).togetherBytes).toBe(212e6 + 6.6e6 + 60e6 + 15e6);
  });

  it('believes a publisher who saw more', () => {
    const published = { ...facts, publishedPeakBytes: 400e6 };
    expect(predictMemory(published, { pixels: 4096 }).togetherBytes).toBe(400e6);
    // It may have been measured in f32, by a publisher whose processor has no other.
    expect(predictMemory({ ...published, inferencePrecision: 'f16' }, { pixels: 4096 }).togetherBytes).toBe(212e6);
  });

  it.each([
    ['a size that was seen', 10_000, 300e6],
    ['twice the pixels, less what comes once', 20_000, 398e6],
    ['half of them', 5000, 251e6],
  ])('goes by what was seen here: %s', (_, pixels, bytes) => {
    const observed = { loadedBytes: 200e6, peaks: [{ pixels: 10_000, bytes: 300e6 }] };
    expect(predictMemory({ ...facts, observed }, { pixels }).togetherBytes).toBe(bytes);
  });

  it('draws its line through the sizes next to the one asked for', () => {
    const peaks = [
      { pixels: 20_000, bytes: 500e6 },
      { pixels: 10_000, bytes: 300e6 },
    ];
    const observed = { loadedBytes: 200e6, peaks };
    expect([15_000, 30_000].map((pixels) => predictMemory({ ...facts, observed }, { pixels }).togetherBytes)).toEqual([
      400e6, 700e6,
    ]);
  });

  // Peaks of `still run` (two cores, x64) on OpenVINO: a U-Net of Stable Diffusion's shape and a decoder of a million parameters.
  const inHalves = { graphBytes: 2.96e6, weightBytes: 176e6, encoder: { graphBytes: 0.57e6, weightBytes: 4.29e6 } };
  const inBytes = { graphBytes: 3.73e6, weightBytes: 88.8e6, encoder: { graphBytes: 0.62e6, weightBytes: 2.16e6 } };
  it.each([
    { ...inHalves, inferencePrecision: 'f32', side: 256, how: { image: true }, peak: 948e6 },
    { ...inHalves, inferencePrecision: 'bf16', side: 256, how: { image: true }, peak: 742e6 },
    { ...inHalves, inferencePrecision: 'f32', side: 512, how: { image: true }, peak: 1252e6 },
    { ...inHalves, inferencePrecision: 'bf16', side: 512, how: { image: true }, peak: 902e6 },
    { ...inHalves, inferencePrecision: 'f32', side: 512, how: { image: true, tiled: true }, peak: 1070e6 },
    { ...inHalves, inferencePrecision: 'bf16', side: 512, how: { image: true, tiled: true }, peak: 842e6 },
    { ...inBytes, inferencePrecision: 'f32', side: 256, how: {}, peak: 887e6 },
    { ...inBytes, inferencePrecision: 'bf16', side: 256, how: {}, peak: 760e6 },
    { ...inBytes, inferencePrecision: 'f32', side: 512, how: {}, peak: 1079e6 },
    { ...inBytes, inferencePrecision: 'bf16', side: 512, how: {}, peak: 858e6 },
    { ...inBytes, inferencePrecision: 'bf16', side: 256, how: { image: true }, peak: 817e6 },
  ] as const)('is within an eighth with a picture to begin from, and with weights of 8 bits: %o', (measured) => {
    const { side, how, peak, ...known } = measured;
    const networks = { ...shape, ...{ tokenSide: 8, channels: 96, convolved: 48.7e6 } };
    const [denoiser, decoder] = [0.91, 0.04].map((share) => share * known.weightBytes) as [number, number];
    const parts = [weighing('denoise', denoiser), weighing('decode', decoder, 0.8e6)];
    const openvino = { ...known, components: parts, shape: networks, runtime: 'openvino', parameters: 88.4e6 } as const;
    const bytes = bytesOf(openvino, { pixels: side ** 2, ...how });
    expect(bytes / peak).toBeGreaterThan(0.875);
    expect(bytes / peak).toBeLessThan(1.125);
  });

  // Peaks of `still run` of 64x64 on OpenVINO (two cores, x64), float32, whole and in turn.
  it.each([
    ['sd3', [0.36e6, 0.34e6, 0.37e6], { parameters: 0.41e6, weightBytes: 1.64e6 }, 0.4, [201e6, 158e6]],
    ['flux', [0.22e6, 0.3e6, 0.37e6], { parameters: 0.2e6, weightBytes: 0.81e6 }, 0.4, [197e6, 156e6]],
    ['z-image', [0.16e6, 0.38e6, 0.37e6], { parameters: 0.42e6, weightBytes: 1.67e6 }, 0.83, [185e6, 158e6]],
    ['sd', [0.13e6, 0.54e6, 0.37e6], { parameters: 0.15e6, weightBytes: 0.61e6 }, 0.45, [199e6, 165e6]],
    ['sdxl', [0.26e6, 0.79e6, 0.37e6], { parameters: 0.24e6, weightBytes: 0.95e6 }, 0.44, [225e6, 183e6]],
    ['sd', [0.17e6, 1.65e6, 0.69e6], { parameters: 88.2e6, weightBytes: 353e6 }, 0.91, [970e6, 861e6]],
    ['sdxl', [0.52e6, 2.73e6, 0.76e6], { parameters: 158e6, weightBytes: 630e6 }, 0.78, [1614e6, 1251e6]],
  ] as const)(
    'is within a twelfth of what %s’s graphs of few and of many nodes took: %o',
    (_, graphs, of, denoised, peaks) => {
      const [encoder, denoiser, decoder] = graphs;
      const shares = { encode: 0.99 - denoised, denoise: denoised, decode: 0.01 };
      const graph = (stage: Stage, graphBytes: number) => weighing(stage, shares[stage] * of.weightBytes, graphBytes);
      const parts = [graph('encode', encoder), graph('denoise', denoiser), graph('decode', decoder)];
      const known = { ...of, components: parts, graphBytes: encoder + denoiser + decoder, decodes: true };
      const bytes = predictMemory({ ...facts, ...known, runtime: 'openvino' }, { pixels: 4096 });
      for (const [i, predicted] of [bytes.togetherBytes, bytes.inTurnBytes].entries()) {
        expect(predicted / (peaks[i] as number)).toBeGreaterThan(0.92);
        expect(predicted / (peaks[i] as number)).toBeLessThan(1.08);
      }
    },
  );

  // Peaks of `still run` of 256x256 on OpenVINO (two cores, x64) with weights of 8 bits, whole and in turn.
  const inEightBits = {
    sd: {
      of: { channels: 96, convolved: 48.7e6 },
      weights: [4.94e6, 80.2e6, 3.37e6],
      graphs: [0.25e6, 2.37e6, 0.87e6],
    },
    sdxl: { of: { channels: 96, convolved: 28.8e6 }, weights: [31e6, 124e6, 3.38e6], graphs: [0.77e6, 3.93e6, 0.97e6] },
    sd3: {
      of: { denoiser: 'transformer', channels: 512, words: 333, textScores: 524_288 },
      ...{ weights: [29e6, 83.8e6, 3.4e6], graphs: [0.82e6, 1.41e6, 0.96e6] },
    },
    flux: {
      of: { denoiser: 'flux', channels: 512, words: 512, textScores: 2_097_152 },
      ...{ weights: [20.3e6, 36.9e6, 3.4e6], graphs: [0.47e6, 0.89e6, 0.96e6] },
    },
  } as const;
  it.each([
    ['sd', 'f32', [871e6, 735e6]],
    ['sd', 'bf16', [748e6, 641e6]],
    ['sdxl', 'f32', [1006e6, 767e6]],
    ['sdxl', 'bf16', [925e6, 718e6]],
    ['sd3', 'f32', [596e6, 353e6]],
    ['sd3', 'bf16', [566e6, 359e6]],
    ['flux', 'f32', [563e6, 343e6]],
    ['flux', 'bf16', [525e6, 341e6]],
  ] as const)(
    'counts matrices of 8 bits as they are, convolutions unpacked: %s in %s',
    (kind, inferencePrecision, peaks) => {
      const { of, weights, graphs } = inEightBits[kind];
      const parts = (['encode', 'denoise', 'decode'] as const).map((stage, i) =>
        weighing(stage, weights[i] as number, graphs[i]),
      );
      const total = (each: readonly number[]) => each.reduce((sum, bytes) => sum + bytes, 0);
      const transformer = 'denoiser' in of ? { tokenSide: 16 } : {};
      const known = {
        ...{ inferencePrecision, components: parts, decodes: true, shape: { ...shape, ...transformer, ...of } },
        ...{ parameters: total(weights), weightBytes: total(weights), graphBytes: total(graphs) },
      };
      const bytes = predictMemory({ ...facts, ...known, runtime: 'openvino' }, { pixels: 256 ** 2 });
      for (const [i, predicted] of [bytes.togetherBytes, bytes.inTurnBytes].entries()) {
        expect(predicted / (peaks[i] as number)).toBeGreaterThan(0.87);
        expect(predicted / (peaks[i] as number)).toBeLessThan(1.13);
      }
    },
  );

  it('counts all weights of 8 bits alike where nobody saw what a processor makes of them', () => {
    const matrices = { ...shape, scores: 'none', decoderScores: 'none', denoiser: 'transformer' } as const;
    const parts = [weighing('denoise', 40e6)];
    const bytes = (multipliesBytes: boolean) =>
      bytesOf({ runtime: 'openvino', parameters: 40e6, components: parts, shape: { ...matrices, multipliesBytes } });
    expect(bytes(false) - bytes(true)).toBeCloseTo((5.05 - 1.05) * 40e6, -1);
  });

  // Peaks of `still run` (two cores, x64), each with a decoder that halves three times.
  const flux = { denoiser: 'flux', heads: 8, channels: 512, words: 512, textScores: 2_097_152 } as const;
  const zImage = { denoiser: 'z-image', heads: 8, channels: 512, words: 32 } as const;
  const sd3 = { denoiser: 'transformer', heads: 8, channels: 512, words: 333, textScores: 524_288 } as const;
  const wideDecoder = { denoiser: 'unet', heads: 4, channels: 8, decoderChannels: 128 } as const;
  const fluxOnOpenVino = {
    of: flux,
    runtime: 'openvino',
    parameters: 51.9e6,
    graphBytes: 1.84e6,
    weightBytes: 207e6,
  } as const;
  const sdWithWideDecoder = {
    of: wideDecoder,
    runtime: 'onnxruntime',
    parameters: 53.8e6,
    graphBytes: 0,
    weightBytes: 214e6,
  } as const;
  it.each([
    { ...fluxOnOpenVino, side: 256, batch: 1, peak: 813e6 },
    { ...fluxOnOpenVino, side: 256, batch: 4, peak: 1109e6 },
    { ...fluxOnOpenVino, side: 512, batch: 1, peak: 1076e6 },
    {
      ...({ of: zImage, runtime: 'openvino', parameters: 48.4e6, graphBytes: 2.07e6, weightBytes: 194e6 } as const),
      side: 256,
      batch: 4,
      peak: 826e6,
    },
    {
      ...({ of: flux, runtime: 'onnxruntime', parameters: 51.9e6, graphBytes: 0, weightBytes: 147e6 } as const),
      side: 256,
      batch: 8,
      peak: 524e6,
    },
    {
      ...({ of: sd3, runtime: 'onnxruntime', parameters: 81.5e6, graphBytes: 0, weightBytes: 253e6 } as const),
      side: 256,
      batch: 8,
      peak: 601e6,
    },
    { ...sdWithWideDecoder, side: 512, batch: 1, peak: 1152e6 },
    { ...sdWithWideDecoder, side: 768, batch: 1, peak: 2164e6 },
  ] as const)('is within a tenth of what was measured: %o', ({ of, side, batch, peak, ...known }) => {
    const measured: NetworkShape = { ...shape, ...{ scores: 'none', decoderScores: 'none', tokenSide: 16 }, ...of };
    const components = [part('decode', 14e6), part('denoise', 4 * known.parameters - 14e6)] as const;
    const bytes = bytesOf({ ...known, components, shape: measured }, { pixels: side ** 2, batch });
    expect(bytes / peak).toBeGreaterThan(0.9);
    expect(bytes / peak).toBeLessThan(1.1);
  });
});

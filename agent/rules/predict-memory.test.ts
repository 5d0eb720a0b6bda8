import { describe, expect, it } from 'vitest';
import { type MemoryFacts, predictMemory } from './predict-memory.ts';

const facts: MemoryFacts = {
  ...{ runtime: 'onnxruntime', parameters: 10e6, componentBytes: [30e6, 10e6] },
  ...{ graphBytes: 0, weightBytes: 0, decodes: false },
  ...{ publishedPeakBytes: 0, observed: null },
};

describe('predictMemory', () => {
  it('goes by the parameters of a version that was never loaded here', () => {
    expect(predictMemory(facts, 4096)).toEqual({ togetherBytes: 249e6, inTurnBytes: 218.5e6 });
  });

  it('counts the weights that stand beside a graph once, and a decoder', () => {
    const beside = { ...facts, weightBytes: 40e6 };
    expect(predictMemory(beside, 4096).togetherBytes).toBe(193e6);
    expect(predictMemory({ ...beside, decodes: true }, 4096).togetherBytes).toBe(215e6);
    expect(predictMemory({ ...beside, runtime: 'openvino', graphBytes: 1e6 }, 4096).togetherBytes).toBe(292e6);
  });

  it('believes a publisher who saw more', () => {
    expect(predictMemory({ ...facts, publishedPeakBytes: 400e6 }, 4096).togetherBytes).toBe(400e6);
  });

  it.each([
    ['a size that was seen', 10_000, 300e6],
    ['twice the pixels, less what comes once', 20_000, 398e6],
    ['half of them', 5000, 251e6],
  ])('goes by what was seen here: %s', (_, pixels, bytes) => {
    const observed = { loadedBytes: 200e6, peaks: [{ pixels: 10_000, bytes: 300e6 }] };
    expect(predictMemory({ ...facts, observed }, pixels).togetherBytes).toBe(bytes);
  });

  it('draws its line through the sizes next to the one asked for', () => {
    const peaks = [
      { pixels: 20_000, bytes: 500e6 },
      { pixels: 10_000, bytes: 300e6 },
    ];
    const observed = { loadedBytes: 200e6, peaks };
    expect([15_000, 30_000].map((pixels) => predictMemory({ ...facts, observed }, pixels).togetherBytes)).toEqual([
      400e6, 700e6,
    ]);
  });
});

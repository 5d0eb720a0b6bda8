// Whole pipelines against diffusers: the same graphs' weights, prompts, seeds and settings, picture by picture; token ids
// and noise too. The folders are made by the toolkit (test/fixtures/pipelines/README.md); STILL_PARITY names others, as
// `npm run parity` makes them.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadPipeline } from '../../agent/pipeline/load-pipeline.ts';
import { withAdapters } from '../../agent/pipeline/lora/with-adapters.ts';
import { noiseSource } from '../../agent/pipeline/noise.ts';
import type { RgbPicture } from '../../agent/pipeline/png.ts';
import { loadTextTokenizer } from '../../agent/pipeline/stages/text-tokenizer.ts';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';
import { findOpenVino } from '../../agent/runtime/runtime-folders.ts';
import { openVinoRuntimes } from '../engine/openvino-fixture.ts';
import { MOST_MEAN_LEVELS, meanDifference, type WantedPicture } from './wanted.ts';

interface Wanted {
  readonly kind: string;
  readonly pictures: readonly WantedPicture[];
}
interface Tokens {
  readonly texts: string[];
  readonly tokenizers: Record<string, { length: number; ids: number[][]; unread: (string | null)[] }>;
}
interface Noise {
  readonly cpu: string;
  readonly cases: { seed: number; counts: number[]; sha256: string[] }[];
}

const folder = process.env.STILL_PARITY ?? fileURLToPath(new URL('../fixtures/pipelines', import.meta.url));
const kinds = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'wanted.json')));
const read = <T>(...path: string[]): T => JSON.parse(readFileSync(join(folder, ...path), 'utf8'));
const runtime = await runtimeOf(kinds[0] ?? '');

it('has pipelines to compare', () => expect(kinds.length).toBeGreaterThanOrEqual(5));

describe.each(kinds)('%s', async (kind) => {
  // Given several generators, the reference draws what stays under a mask from the first one for all pictures.
  const pictures = read<Wanted>(kind, 'wanted.json').pictures.filter(
    ({ batch }) => !batch || !kind.endsWith('-inpaint'),
  );
  const [first] = pictures;
  const defaults = { steps: 2, guidanceScale: 1, width: first?.width ?? 0, height: first?.height ?? 0 };
  const options = { folder: join(folder, kind), threads: 1, defaults };
  const pipeline = await loadPipeline({ ...options, runtime });
  const adapted = async ({ lora = '', lora_scale: scale = 1 }: WantedPicture) => {
    const merging = await withAdapters(runtime, [{ path: join(folder, kind, lora), scale }]);
    const pipeline = await loadPipeline({ ...options, runtime: merging.runtime });
    merging.requireAllMerged();
    return pipeline;
  };

  it.each(pictures)(
    'paints "$prompt" in $steps steps of $scheduler at $width x $height, strength $strength, LoRA $lora, batch $batch',
    async (wanted) => {
      const painter = wanted.lora ? await adapted(wanted) : pipeline;
      const request = requestOf(wanted);
      painter.check(request);
      const { pictures } = await painter.generate(request, { reach: async () => {} });
      const theirs = Buffer.from(wanted.pixels, 'base64');
      const size = theirs.length / pictures.length;
      for (const [i, { rgb }] of pictures.entries())
        expect(meanDifference(rgb, theirs.subarray(i * size, (i + 1) * size))).toBeLessThanOrEqual(MOST_MEAN_LEVELS);
      expect(new Set(theirs).size, 'a picture of one colour proves nothing').toBeGreaterThan(16);
    },
  );

  it.each(pictures.filter(({ batch, lora }) => !batch && !lora))(
    'paints each of a batch as it does alone: "$prompt" with $scheduler, tiled $tiled, strength $strength',
    async (wanted) => {
      const request = requestOf(wanted);
      pipeline.check({ ...request, batch: 2 });
      const together = await pipeline.generate({ ...request, batch: 2 }, { reach: async () => {} });
      for (const [i, { rgb }] of together.pictures.entries()) {
        const alone = await pipeline.generate(
          { ...request, seed: (request.seed + i) % 2 ** 32 },
          { reach: async () => {} },
        );
        expect(meanDifference(rgb, alone.pictures[0]?.rgb ?? new Uint8Array())).toBeLessThanOrEqual(MOST_MEAN_LEVELS);
      }
      expect(together.pictures.length).toBe(2);
    },
  );

  it('shows the way there without changing it', async () => {
    const { prompt, seed, width, height } = first as WantedPicture;
    const request = { ...defaults, prompt, seed, steps: 4, guidanceScale: 0 };
    const seen: RgbPicture[] = [];
    const reach = async (_: unknown, preview?: () => RgbPicture) => void (preview && seen.push(preview()));
    const shown = await pipeline.generate({ ...request, previews: true }, { reach });
    expect(seen.length).toBeGreaterThanOrEqual(4);
    for (const small of seen) expect(small).toMatchObject({ width: width / 2, height: height / 2 });
    expect(Buffer.from(seen[0]?.rgb ?? []).equals(Buffer.from(seen.at(-1)?.rgb ?? []))).toBe(false);
    const plain = await pipeline.generate(request, { reach: async () => {} });
    expect(shown.pictures).toEqual(plain.pictures);
  });

  const { texts, tokenizers } = read<Tokens>(kind, 'tokens.json');
  it.each(Object.entries(tokenizers))('reads %s as transformers does', async (name, { length, ids, unread }) => {
    const tokenizer = await loadTextTokenizer(join(folder, kind, name));
    for (const [i, text] of texts.entries()) {
      const found = tokenizer.encode(text, length);
      expect([...found.ids].map(Number), JSON.stringify(text)).toEqual(ids[i]);
      // CLIP's ends each word with a space; ours not the last.
      expect(found.cut?.unread.trimEnd(), JSON.stringify(text)).toEqual(unread[i]?.trimEnd());
    }
    expect(unread.some((left) => left !== null)).toBe(true);
  });
});

it('draws torch’s noise, bit by bit', () => {
  const { cases } = read<Noise>('noise.json');
  for (const { seed, counts, sha256 } of cases) {
    const source = noiseSource(seed);
    const found = counts.map((count) => digestOf(source.randn(count)));
    expect(found, `seed ${seed}`).toEqual(sha256);
  }
});

/** By the graphs that the folders hold. */
async function runtimeOf(kind: string) {
  if (!existsSync(join(folder, kind, 'vae_decoder/openvino_model.xml'))) return openRuntime('onnxruntime', null);
  return openRuntime('openvino', findOpenVino([await openVinoRuntimes()]));
}

function requestOf(wanted: WantedPicture) {
  return {
    ...{ prompt: wanted.prompt, seed: wanted.seed, steps: wanted.steps, guidanceScale: wanted.guidance },
    ...{ width: wanted.width, height: wanted.height },
    ...(wanted.negative_prompt !== null && { negativePrompt: wanted.negative_prompt }),
    ...(wanted.scheduler !== null && { scheduler: wanted.scheduler }),
    ...(wanted.tiled && { tiled: true }),
    ...(wanted.image && { image: Buffer.from(wanted.image, 'base64') }),
    ...(wanted.mask && { mask: Buffer.from(wanted.mask, 'base64') }),
    ...(wanted.strength && { strength: wanted.strength }),
    ...(wanted.batch && { batch: wanted.batch }),
  };
}

const digestOf = (values: Float32Array): string =>
  createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');

// The stages of a picture, by which a bench tells where its time goes.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadPipeline } from '../../agent/pipeline/load-pipeline.ts';
import { openRuntime } from '../../agent/runtime/open-runtime.ts';

const fixtures = fileURLToPath(new URL('../fixtures/pipelines', import.meta.url));
const kinds = readdirSync(fixtures, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? entry.name : [],
);
const runtime = await openRuntime('onnxruntime', null);
const defaults = { steps: 1, guidanceScale: 2, width: 64, height: 64 };

test.each(kinds)('%s tells its stages apart', async (kind) => {
  const pipeline = await loadPipeline({ folder: join(fixtures, kind), runtime, threads: 1, defaults });
  const seen = new Set<string>();
  const reach = async ({ stage }: { readonly stage: string }) => void seen.add(stage);
  await pipeline.generate({ ...defaults, prompt: 'a red fox', seed: 1 }, { reach });
  expect([...seen]).toEqual(['tokenize', 'encode', 'denoise', 'decode']);
});

import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { RunArguments } from './run-arguments.ts';
import { type RunResult, showProgress, tellResults } from './run-output.ts';

it('names previews after the file of their picture, so that those of a series stand beside each other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'still-previews-'));
  const seen = { stage: 'denoise', done: 2, total: 4, preview: new Uint8Array(1) } as const;
  for (const file of ['out/fox-1.png', 'out/fox-2.PNG', 'bare']) showProgress(folder, file)(seen);
  expect((await readdir(folder)).sort()).toEqual(['bare-step-2.png', 'fox-1-step-2.png', 'fox-2-step-2.png']);
});

it('tells of a single step', () => {
  const told: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => told.push(String(text)) > 0);
  const one = { file: 'fox.png', width: 64, height: 64, seed: 1, steps: 1, latencyMs: 1234 };
  const notices = { unknownWords: [], promptCuts: [], literalWeights: [] };
  tellResults({ json: false, isSeries: false } as RunArguments, [{ ...one, ...notices } as unknown as RunResult]);
  write.mockRestore();
  expect(told[0]).toBe('Saved fox.png (64×64, seed 1, 1 step, 1.23 s).\n');
});

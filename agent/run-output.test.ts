import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { showProgress } from './run-output.ts';

it('names previews after the file of their picture, so that those of a series stand beside each other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'still-previews-'));
  const seen = { stage: 'denoise', done: 2, total: 4, preview: new Uint8Array(1) } as const;
  for (const file of ['out/fox-1.png', 'out/fox-2.PNG', 'bare']) showProgress(folder, file)(seen);
  expect((await readdir(folder)).sort()).toEqual(['bare-step-2.png', 'fox-1-step-2.png', 'fox-2-step-2.png']);
});

// A LoRA over either runtime: the same changed picture, through engines as an agent starts them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { LaunchSpec } from '../../agent/engine/engine.ts';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { pictureDifference } from '../../shared/picture-difference.ts';
import { clockOf, specOf } from './fixture.ts';
import { openVinoRuntimes, openVinoSpec } from './openvino-fixture.ts';
import { adapterFile } from './random-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'stillhouse-adapters-'));
const onOpenVino = openVinoSpec();
afterAll(() => {
  for (const each of [folder, onOpenVino.folder]) rmSync(each, { recursive: true });
});

const path = join(folder, 'lora.safetensors');
// A convolution, matrices that the two runtimes store in different ways, and one of the text encoder.
writeFileSync(
  path,
  adapterFile([
    { module: 'unet.body.stem', down: [4, 3, 8, 8], up: [16, 4, 1, 1] },
    { module: 'unet.body.down.0.attention.cross.query', down: [4, 16], up: [16, 4] },
    { module: 'unet.body.middle.modulation', down: [4, 32], up: [64, 4] },
    { module: 'text_encoder.blocks.0.up', down: [4, 48], up: [144, 4] },
  ]),
);

async function paint(spec: LaunchSpec, ...scales: number[]): Promise<Uint8Array> {
  const runtimeFolders = [await openVinoRuntimes()];
  const compiledFolder = join(folder, 'compiled');
  const launcher = createEngineLauncher({ clock: clockOf(), log: () => {}, runtimeFolders });
  const engine = await launcher.launch(
    { ...spec, compiledFolder },
    { adapters: scales.map((scale) => ({ path, scale })) },
  );
  const { png } = await engine.generate({ prompt: 'a red circle', seed: 5 });
  await engine.close();
  return png;
}

const apart = (a: Uint8Array, b: Uint8Array): number => {
  const found = pictureDifference(a, b);
  return found.kind === 'compared' ? found.meanAbsoluteDifference : Number.NaN;
};

describe('a LoRA', () => {
  it('changes the picture alike on ONNX Runtime and on OpenVINO, whatever was compiled before', async () => {
    const [plain, plainHere] = [await paint(specOf()), await paint(onOpenVino)];
    const [changed, changedHere] = [await paint(specOf(), 1000), await paint(onOpenVino, 1000)];
    expect(apart(plain, changed)).toBeGreaterThan(5);
    expect(apart(changed, changedHere)).toBeLessThan(0.5);
    expect(apart(plainHere, await paint(onOpenVino))).toBe(0);
  }, 120_000);

  it('adds up with another one', async () => {
    const [once, twice] = [await paint(onOpenVino, 1000), await paint(onOpenVino, 250, 750)];
    expect(apart(once, twice)).toBeLessThan(0.5);
  }, 120_000);
});

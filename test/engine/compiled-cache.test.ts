// Compiled forms on the disk with the real OpenVINO: the next engine is ready sooner and paints the same, and whatever happens to
// the files costs time and nothing else.
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { createEngineLauncher } from '../../agent/engine/supervisor.ts';
import { mulberry32 } from '../../shared/statistics.ts';
import { clockOf } from './fixture.ts';
import { openVinoRuntimes, openVinoSpec } from './openvino-fixture.ts';

const KILLS = Number(process.env.STILL_CRASHES ?? 5);
const SEED = Number(process.env.STILL_SEED ?? Date.now() % 1e6);
const plain = openVinoSpec();
const compiledFolder = join(plain.folder, 'compiled');
const spec = { ...plain, compiledFolder };
const lines: string[] = [];
const launcher = createEngineLauncher({
  clock: clockOf(),
  log: (line) => lines.push(line),
  runtimeFolders: [await openVinoRuntimes()],
});
const request = { prompt: plain.variant.golden.pictures[0]?.prompt ?? '', seed: 1, fresh: true };

async function paint(of: typeof plain & { compiledFolder?: string } = spec) {
  const engine = await launcher.launch(of, { threads: 1 });
  try {
    return { compiled: engine.compiled, png: (await engine.generate(request)).png };
  } finally {
    await engine.close();
  }
}

const wanted = (await paint(plain)).png;
const entries = () => readdirSync(compiledFolder).map((name) => join(compiledFolder, name));
const blobs = () => entries().map((entry) => join(entry, '1.blob'));

beforeEach(() => lines.splice(0));
afterEach(() => rmSync(compiledFolder, { recursive: true, force: true }));
afterAll(() => rmSync(plain.folder, { recursive: true, force: true }));

it('an engine that starts again takes every graph from the disk and paints the same picture', async () => {
  expect(await paint()).toEqual({ compiled: { anew: 2, fromCache: 0 }, png: wanted });
  expect(await paint()).toEqual({ compiled: { anew: 0, fromCache: 2 }, png: wanted });
  expect(lines).toEqual([]);
});

it.each<[string, (blob: string) => void]>([
  ['was cut off', (blob) => truncateSync(blob, Math.floor(readFileSync(blob).length / 2))],
  ['has zeros in its midst', (blob) => spoil(blob, (bytes) => bytes.fill(0, 20_000, 20_064))],
])('a form that %s is compiled as if there was none', async (_, damage) => {
  await paint();
  for (const blob of blobs()) damage(blob);
  expect(await paint()).toEqual({ compiled: { anew: 2, fromCache: 0 }, png: wanted });
  expect(await paint()).toEqual({ compiled: { anew: 0, fromCache: 2 }, png: wanted });
});

function spoil(file: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file);
  change(bytes);
  rmSync(file);
  writeFileSync(file, bytes);
}

it('paints with the weights that are there now', async () => {
  await paint();
  const graph = join(plain.folder, plain.variant.folder, 'unet/openvino_model.xml');
  const weights = graph.replace('.xml', '.bin');
  const before = readFileSync(weights);
  const { offset, size } = largestConstant(readFileSync(graph, 'utf8'));
  // Half precision: the sign of each of its weights.
  const isSign = (at: number) => at % 2 === 1 && at >= offset && at < offset + size;
  const turned = before.map((byte, at) => (isSign(at) ? byte ^ 0x80 : byte));
  try {
    writeFileSync(weights, turned);
    const other = await paint(plain);
    expect(Buffer.compare(other.png, wanted)).not.toBe(0);
    expect(await paint()).toEqual({ compiled: { anew: 1, fromCache: 1 }, png: other.png });
  } finally {
    writeFileSync(weights, before);
  }
});

function largestConstant(xml: string): { offset: number; size: number } {
  const found = [...xml.matchAll(/element_type="f16" [^>]*offset="(\d+)" size="(\d+)"/g)];
  const all = found.map(([, offset, size]) => ({ offset: Number(offset), size: Number(size) }));
  const [largest] = all.sort((a, b) => b.size - a.size);
  if (!largest) throw new Error('the fixture has no constants of half precision');
  return largest;
}

it('does without where nothing can be written, and says so', async () => {
  writeFileSync(compiledFolder, 'a file in the place of the folder');
  expect(await paint()).toEqual({ compiled: { anew: 2, fromCache: 0 }, png: wanted });
  expect(lines.join()).toContain('compiled forms are not kept');
});

it(
  `outlives ${KILLS} kills while it is written, seed ${SEED}`,
  async () => {
    const uniform = mulberry32(SEED);
    let struck = 0;
    for (let round = 0; round < KILLS; round++) {
      rmSync(compiledFolder, { recursive: true, force: true });
      const stop = new AbortController();
      const launching = launcher.launch(spec, { threads: 1, signal: stop.signal });
      // From the moment in which the folder appears, which is when the first graph is compiled.
      while (!existsSync(compiledFolder)) await new Promise((resolve) => setTimeout(resolve, 2));
      setTimeout(() => stop.abort(), uniform() * 300);
      const engine = await launching.catch(() => null);
      if (engine) await engine.close();
      else struck++;
      const { png } = await paint();
      expect({ seed: SEED, round, same: Buffer.compare(png, wanted) }).toEqual({ seed: SEED, round, same: 0 });
      expect(readdirSync(compiledFolder).filter((name) => name.startsWith('.new-'))).toEqual([]);
    }
    expect(struck).toBeGreaterThan(0);
  },
  60_000 + KILLS * 10_000,
);

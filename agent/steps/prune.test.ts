import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { canonicalJson } from '../../shared/canonical-json.ts';
import type { DesiredModel } from '../../shared/desired-state.ts';
import type { Manifest } from '../../shared/manifest.ts';
import { engineSpec, slotFiles } from '../engine-spec.ts';
import { slotName } from '../rules/kept-versions.ts';
import { openStore, type Store } from '../store/open-store.ts';
import { systemClock, systemRandomness } from '../system-clock.ts';
import { prune } from './prune.ts';

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');
/** Files that versions share or not. */
const FILES = Array.from({ length: 6 }, (_, n) => Buffer.from(`file ${n}`));
const id = (n: number) => `ins_${String(n).padStart(26, '0')}`;

function manifestOf(n: number, files: readonly number[]): string {
  const paths = ['v/model_index.json', ...files.map((file) => `v/${file}.bin`)];
  const bytes = [Buffer.from('{}'), ...files.map((file) => FILES[file] as Buffer)];
  return canonicalJson({
    ...{ schemaVersion: 1, model: `m${n % 2}`, version: `1.0.${n}`, licence: 'MIT', pipeline: { _class_name: 'P' } },
    artifacts: paths.map((path, i) => ({
      ...{ path, sha256: sha256(bytes[i] as Buffer), sizeBytes: bytes[i]?.length ?? 0 },
    })),
    variants: [
      {
        ...{ name: 'v', runtime: 'onnxruntime', precision: 'fp16', folder: 'v', steps: 1, guidanceScale: 1 },
        ...{ parameters: 1, artifacts: paths, resolution: { width: 8, height: 8 } },
        measured: { machine: 'test', peakRssBytes: 1, loadMs: 1, latencyMs: 1 },
        golden: {
          maxMeanAbsoluteDifference: 1,
          pictures: [{ prompt: 'a', seed: 1, steps: 1, guidanceScale: 1, picture: 'v/model_index.json' }],
        },
      },
    ],
  } satisfies Manifest);
}

async function install(store: Store, n: number, files: readonly number[]) {
  const text = manifestOf(n, files);
  const versionDigest = sha256(text);
  await store.blobs.put(versionDigest, text);
  for (const bytes of [Buffer.from('{}'), ...files.map((file) => FILES[file] as Buffer)])
    await store.blobs.put(sha256(bytes), bytes);
  const place = { model: `m${n % 2}`, version: `1.0.${n}`, versionDigest, variant: 'v', role: 'current' } as const;
  await store.slots.build(slotName(place), slotFiles(store, await engineSpec(store, place)));
  return { ...place, installationId: id(n) };
}

const means = (store: Store, lines: string[] = []) => ({
  ...{ store, log: (line: string) => void lines.push(line) },
  engines: { keepOnly: async () => {} },
});

it('never takes a file that a kept version needs, and leaves none that no kept version needs', async () => {
  const version = fc.record({
    files: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 4 }),
    becomes: fc.constantFrom('running', 'open', 'nothing'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(version, { minLength: 1, maxLength: 6 }), async (versions) => {
      const folder = mkdtempSync(join(tmpdir(), 'stillhouse-prune-'));
      const store = openStore({ folder, clock: systemClock, randomness: systemRandomness, onReport: () => {} });
      try {
        for (const [n, { files, becomes }] of versions.entries()) {
          const place = await install(store, n, files);
          if (becomes === 'running') store.places.switchTo(place);
          if (becomes === 'open') store.installations.accept({ ...place, probe: 'probe' } satisfies DesiredModel);
        }
        writeFileSync(store.blobs.path(`${'a'.repeat(64)}.part`), 'left over');
        await prune(means(store) as never);
        const kept = [...store.places.running(), ...store.places.before()];
        const open = store.installations.open().map(({ wanted }) => wanted);
        const needed = new Set<string>();
        for (const place of [...kept, ...open]) {
          const spec = await engineSpec(store, place);
          needed.add(place.versionDigest);
          for (const { path, sha256: digest } of spec.manifest.artifacts) {
            needed.add(digest);
            expect(sha256(readFileSync(store.blobs.path(digest)))).toBe(digest);
            expect(sha256(readFileSync(join(spec.folder, path)))).toBe(digest);
          }
        }
        expect(await store.blobs.keepOnly(needed), 'bytes that nobody needs were left').toBe(0);
      } finally {
        store.close();
        rmSync(folder, { recursive: true, force: true });
      }
    }),
    { numRuns: 25 },
  );
}, 120_000);

it('takes what engines compiled together with its version', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-prune-'));
  const store = openStore({ folder, clock: systemClock, randomness: systemRandomness, onReport: () => {} });
  const [kept, gone] = [await install(store, 1, [1]), await install(store, 2, [2])];
  store.places.switchTo(kept);
  for (const place of [kept, gone]) {
    const { compiledFolder } = await engineSpec(store, place);
    mkdirSync(compiledFolder);
    writeFileSync(join(compiledFolder, 'form'), 'compiled');
  }
  await prune(means(store) as never);
  expect(readdirSync(join(folder, 'compiled'))).toEqual([slotName(kept)]);
  rmSync(join(folder, 'compiled'), { recursive: true });
  await prune(means(store) as never);
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

it('takes nothing when a kept version cannot say what it needs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-prune-'));
  const store = openStore({ folder, clock: systemClock, randomness: systemRandomness, onReport: () => {} });
  const lines: string[] = [];
  const place = await install(store, 1, [1, 2]);
  store.places.switchTo(place);
  // A wrong bit in a digest leaves it readable; other bytes do not.
  const [needed, other] = [sha256(FILES[1] as Buffer), sha256(Buffer.from('other'))];
  const flipped = manifestOf(1, [1, 2]).replace(needed, other);
  for (const bytes of [Buffer.from(flipped), randomBytes(100)]) {
    await store.blobs.put(place.versionDigest, bytes);
    await prune(means(store, lines) as never);
  }
  expect(lines).toHaveLength(2);
  for (const file of [1, 2]) expect(await store.blobs.readText(sha256(FILES[file] as Buffer))).toBe(`file ${file}`);
  expect(lines.join()).toMatch(/nothing is set free: .* is damaged/);
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

// A version with a fault that no checksum, no schema and no look at one picture can find: the words of its vocabulary
// have changed places, so it draws clean pictures of the wrong things, and its publisher declared any picture to be as
// good as the golden ones. Only measured quality tells.
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StillError } from '../../../shared/errors.ts';
import type { Manifest } from '../../../shared/manifest.ts';
import { readManifest } from '../publish-folder.ts';

const TOKENIZER = 'tokenizer/tokenizer.json';
/** Padding, the unknown word and the start keep their places. */
const SPECIAL = /^<.*>$/;

/** Copies the version in `source` to `target` as `version`, and damages it. */
export async function makeDamagedVersion(source: string, target: string, version: string): Promise<Manifest> {
  rmSync(target, { recursive: true, force: true });
  cpSync(source, target, { recursive: true });
  const manifest = await readManifest(target);
  manifest.version = version;
  manifest.description = 'Deliberately damaged, to show that a gate stops it: its words have changed places.';
  for (const variant of manifest.variants) {
    const path = `${variant.folder}/${TOKENIZER}`;
    const bytes = mixedUp(readFileSync(join(target, path), 'utf8'));
    writeFileSync(join(target, path), bytes);
    const artifact = manifest.artifacts.find((known) => known.path === path);
    if (!artifact) throw new StillError('invalid_input', `${source} has no ${path}, so the demo cannot damage it`);
    artifact.sha256 = createHash('sha256').update(bytes).digest('hex');
    artifact.sizeBytes = Buffer.byteLength(bytes);
    delete artifact.chunks;
    variant.golden.maxMeanAbsoluteDifference = 255;
  }
  writeFileSync(join(target, 'manifest.json'), JSON.stringify(manifest, null, 2));
  return manifest;
}

/** Every word takes the place of the one as far from the other end. */
function mixedUp(tokenizer: string): string {
  const parsed = JSON.parse(tokenizer) as { model: { vocab: Record<string, number> } };
  const words = Object.keys(parsed.model.vocab).filter((word) => !SPECIAL.test(word));
  const ids = words.map((word) => parsed.model.vocab[word] ?? 0).reverse();
  for (const [index, word] of words.entries()) parsed.model.vocab[word] = ids[index] ?? 0;
  return JSON.stringify(parsed);
}

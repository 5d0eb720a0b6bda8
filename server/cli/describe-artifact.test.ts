import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Artifact } from '../../shared/manifest.ts';
import { describeArtifact } from './describe-artifact.ts';

const MIB = 1024 * 1024;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'still-artifact-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each([0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 300_001])('a file of %d bytes', async (sizeBytes) => {
  const bytes = randomBytes(sizeBytes);
  const file = join(folder, 'weights');
  writeFileSync(file, bytes);
  const found = Artifact.parse(await describeArtifact('unet/weights', file));
  expect(found).toMatchObject({ path: 'unet/weights', sizeBytes, sha256: sha256(bytes) });
  const pieces = Array.from({ length: Math.ceil(sizeBytes / MIB) }, (_, i) => bytes.subarray(i * MIB, (i + 1) * MIB));
  expect(found.chunks?.sha256).toEqual(sizeBytes > MIB ? pieces.map(sha256) : undefined);
});

import type { Readable } from 'node:stream';
import { limits } from '../../shared/limits.ts';
import * as artifacts from '../store/artifacts.ts';
import type { Received } from '../store/files.ts';
import type { World } from '../store/world.ts';

/** Bytes first, then the row that says that they are there: a crash between the two leaves a file nobody counts on. */
export async function receiveArtifact(
  { store, clock }: World,
  { sha256, stream }: { sha256: string; stream: Readable },
): Promise<Received> {
  const received = await store.blobs.receive(stream, { expectedSha256: sha256, maxBytes: limits.artifactBytes });
  await store.write((tx) => artifacts.insert(tx, { ...received, receivedAtMs: clock.now() }));
  return received;
}

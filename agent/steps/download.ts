// Fetches what is missing, artifact by artifact. Every byte is checked before the state moves on, also of blobs that
// were here before; what an earlier attempt left is gone on from.
import type { DesiredModel } from '../../shared/desired-state.ts';
import { type Artifact, artifactsForDevice } from '../../shared/manifest.ts';
import { engineSpec } from '../engine-spec.ts';
import type { Means } from '../means.ts';
import { ended, type StepOutcome } from '../rules/step-outcome.ts';
import { throttle } from '../throttle.ts';
import { fetchArtifact } from '../transfer/fetch-artifact.ts';
import { Patience } from '../transfer/patience.ts';

const PROGRESS_MS = 500;

export async function download(means: Means, wanted: DesiredModel, signal: AbortSignal): Promise<StepOutcome> {
  const { manifest, variant } = await engineSpec(means.store, wanted);
  const artifacts = artifactsForDevice(manifest, variant);
  const tally = tallyOf(means, wanted.installationId, artifacts);
  for (const artifact of artifacts) {
    if (signal.aborted) return { kind: 'stopped' };
    const failure = (await means.store.blobs.isIntact(artifact))
      ? null
      : await fetchOne(means, artifact, { signal, onOffset: tally.within });
    if (failure) return failure;
    tally.complete(artifact.sizeBytes);
  }
  return signal.aborted ? { kind: 'stopped' } : { kind: 'moved', to: 'VERIFIED' };
}

interface Attempt {
  readonly signal: AbortSignal;
  /** How many true bytes of the artifact are here. */
  readonly onOffset: (offset: number) => void;
}

/** Attempts until the artifact stands under its name; null when it does. */
async function fetchOne(means: Means, artifact: Artifact, { signal, onOffset }: Attempt): Promise<StepOutcome | null> {
  const patience = new Patience({ ...means, what: `artifact ${artifact.path}` });
  while (!signal.aborted) {
    const attempt = await attemptOne(means, artifact, {
      signal,
      onOffset: (offset) => {
        patience.progress();
        onOffset(offset);
      },
    });
    if (attempt.kind === 'complete') return null;
    if (attempt.kind === 'disk-full') return ended('FAILED', 'disk_full', attempt.message);
    if (signal.aborted) break;
    if (!(await patience.again(attempt, signal)))
      return ended('FAILED', attempt.kind === 'mismatch' ? 'digest_mismatch' : 'download_failed', attempt.message);
  }
  return { kind: 'stopped' };
}

async function attemptOne(means: Means, artifact: Artifact, { signal, onOffset }: Attempt) {
  const { blobs } = means.store;
  const part = await blobs.receive(artifact);
  try {
    const fetched = await fetchArtifact(means.access, artifact, { part, signal, onBytes: () => onOffset(part.offset) });
    if (fetched.kind !== 'complete') {
      await part.close();
      return fetched;
    }
    const written = await blobs.complete(part, artifact);
    return written.kind === 'written' ? fetched : written;
  } catch (error) {
    await part.close().catch(() => {});
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    const { freeBytes } = await means.measure.diskFree();
    const missingBytes = await blobs.missingBytes([artifact]);
    const message = `no space left for "${artifact.path}": ${missingBytes} bytes are still to come, ${freeBytes} are free`;
    return { kind: 'disk-full' as const, message };
  }
}

/** Counts bytes and tells the server now and then. */
function tallyOf({ clock, progress }: Means, installationId: string, artifacts: readonly Artifact[]) {
  const total = artifacts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let done = 0;
  const tell = throttle(clock, { everyMs: PROGRESS_MS, urgent: (bytes: number) => bytes === total }, (bytes) =>
    progress({ kind: 'installation', installationId, stage: 'download', done: bytes, total }),
  );
  return {
    within: (offset: number) => tell(done + offset),
    complete(bytes: number) {
      done += bytes;
      tell(done);
    },
  };
}

// Fetches what is missing, artifact by artifact. Every byte is checked before the state moves on, also of blobs that
// were here before; what an earlier attempt left is gone on from.
import type { DesiredModel } from '../../shared/desired-state.ts';
import { type Artifact, artifactsForDevice } from '../../shared/manifest.ts';
import { engineSpec } from '../engine-spec.ts';
import type { Means } from '../means.ts';
import { isDiskFull, noSpace } from '../rules/no-space.ts';
import { ended, type StepOutcome } from '../rules/step-outcome.ts';
import { throttle } from '../throttle.ts';
import { fetchArtifact } from '../transfer/fetch-artifact.ts';
import { Pace } from '../transfer/pace.ts';
import { Patience } from '../transfer/patience.ts';

const PROGRESS_MS = 500;

export async function download(means: Means, wanted: DesiredModel, signal: AbortSignal): Promise<StepOutcome> {
  const { manifest, variant } = await engineSpec(means.store, wanted);
  const artifacts = artifactsForDevice(manifest, variant);
  try {
    return await fetchAll(means, wanted, { artifacts, signal });
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    return diskFull(means, artifacts, `${wanted.model}@${wanted.version}`);
  }
}

async function fetchAll(
  means: Means,
  { installationId, downloadBytesPerSecond = Number.POSITIVE_INFINITY }: DesiredModel,
  { artifacts, signal }: { artifacts: readonly Artifact[]; signal: AbortSignal },
): Promise<StepOutcome> {
  const { blobs } = means.store;
  const pace = new Pace(means.clock, Math.min(means.downloadBytesPerSecond, downloadBytesPerSecond));
  const tally = tallyOf(means, installationId, artifacts);
  const missing: Artifact[] = [];
  for (const artifact of artifacts) {
    if (signal.aborted) return { kind: 'stopped' };
    if (await blobs.isIntact(artifact)) tally.complete(artifact.sizeBytes);
    else if (!missing.some(({ sha256 }) => sha256 === artifact.sha256)) missing.push(artifact);
  }
  await blobs.reserve(missing);
  for (const artifact of missing) {
    const failure = await fetchOne(means, artifact, { pace, signal, onOffset: tally.within });
    if (failure) return failure;
    tally.complete(artifact.sizeBytes);
  }
  return signal.aborted ? { kind: 'stopped' } : { kind: 'moved', to: 'VERIFIED' };
}

/** What has come is given up at once: a full disk has no room for the record of the failure either. */
async function diskFull({ store, measure }: Means, artifacts: readonly Artifact[], what: string): Promise<StepOutcome> {
  await store.blobs.abandon(artifacts);
  const [neededBytes, { freeBytes }] = await Promise.all([store.blobs.missingBytes(artifacts), measure.diskFree()]);
  return { kind: 'ended', to: 'FAILED', reason: noSpace(what, { neededBytes, freeBytes }) };
}

interface Attempt {
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** How many true bytes of the artifact are here. */
  readonly onOffset: (offset: number) => void;
}

/** Attempts until the artifact stands under its name; null when it does. */
async function fetchOne(
  means: Means,
  artifact: Artifact,
  { pace, signal, onOffset }: Attempt,
): Promise<StepOutcome | null> {
  const patience = new Patience({ ...means, what: `artifact ${artifact.path}` });
  while (!signal.aborted) {
    const attempt = await attemptOne(means, artifact, {
      ...{ pace, signal },
      onOffset: (offset) => {
        patience.progress();
        onOffset(offset);
      },
    });
    if (attempt.kind === 'complete') return null;
    if (signal.aborted) break;
    if (!(await patience.again(attempt, signal)))
      return ended('FAILED', attempt.kind === 'mismatch' ? 'digest_mismatch' : 'download_failed', attempt.message);
  }
  return { kind: 'stopped' };
}

async function attemptOne(means: Means, artifact: Artifact, { pace, signal, onOffset }: Attempt) {
  const { blobs } = means.store;
  const part = await blobs.receive(artifact);
  try {
    const fetched = await fetchArtifact(means.access, artifact, {
      ...{ part, pace, signal },
      onBytes: () => onOffset(part.offset),
    });
    if (fetched.kind !== 'complete') {
      await part.close();
      return fetched;
    }
    const written = await blobs.complete(part, artifact);
    return written.kind === 'written' ? fetched : written;
  } catch (error) {
    await part.close().catch(() => {});
    throw error;
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

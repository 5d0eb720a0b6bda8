// Before the first artifact: the manifest itself, and whether this device can take the version at all.

import type { DesiredModel } from '../../shared/desired-state.ts';
import { limits } from '../../shared/limits.ts';
import { type Artifact, artifactsForDevice, type Manifest, type Variant } from '../../shared/manifest.ts';
import type { Means } from '../means.ts';
import { admissionFault } from '../rules/admission.ts';
import { ended, type StepOutcome } from '../rules/step-outcome.ts';
import { fetchManifest } from '../transfer/fetch-manifest.ts';
import { Patience } from '../transfer/patience.ts';

export async function admit(means: Means, wanted: DesiredModel, signal: AbortSignal): Promise<StepOutcome> {
  const obtained = await obtainManifest(means, wanted, signal);
  if (obtained.kind !== 'manifest') return obtained;
  const { manifest } = obtained;
  const { model, version, versionDigest } = wanted;
  if (manifest.model !== model || manifest.version !== version)
    return ended(
      'REJECTED',
      'manifest_invalid',
      `the manifest ${versionDigest} is ${manifest.model}@${manifest.version}, asked for was ${model}@${version}`,
    );
  const variant = manifest.variants.find(({ name }) => name === wanted.variant);
  if (!variant)
    return ended(
      'REJECTED',
      'manifest_invalid',
      `${model}@${version} has no variant "${wanted.variant}" (it has: ${manifest.variants.map(({ name }) => name).join(', ')})`,
    );
  const fault = await admissionFaultOf(means, variant, artifactsForDevice(manifest, variant));
  return fault ? { kind: 'ended', to: 'REJECTED', reason: fault } : { kind: 'moved', to: 'DOWNLOADING' };
}

async function obtainManifest(
  { store, access, clock, randomness, log }: Means,
  { versionDigest, model, version }: DesiredModel,
  signal: AbortSignal,
): Promise<{ readonly kind: 'manifest'; readonly manifest: Manifest } | StepOutcome> {
  const patience = new Patience({ clock, randomness, log, what: `the manifest of ${model}@${version}` });
  while (!signal.aborted) {
    const fetched = await fetchManifest(access, versionDigest, signal);
    if (signal.aborted) break;
    if (fetched.kind === 'manifest') {
      await store.blobs.put(versionDigest, fetched.text);
      return fetched;
    }
    if (fetched.kind === 'invalid') return ended('REJECTED', 'manifest_invalid', fetched.message);
    if (!(await patience.again(fetched, signal))) return ended('FAILED', 'download_failed', patience.lastMessage);
  }
  return { kind: 'stopped' };
}

async function admissionFaultOf({ store, engines, measure }: Means, variant: Variant, artifacts: readonly Artifact[]) {
  const [runtimes, host, disk, missingBytes] = await Promise.all([
    measure.installedRuntimes(),
    measure.readHost(),
    measure.diskFree(),
    store.blobs.missingBytes(artifacts),
  ]);
  const residents = await Promise.all(engines.loaded().map(({ pid }) => measure.readProcess(pid).catch(() => null)));
  return admissionFault({
    variant: variant.name,
    runtime: variant.runtime,
    installedRuntimes: runtimes.map(({ runtime }) => runtime),
    predictedPeakBytes: variant.measured.peakRssBytes,
    memoryAvailableBytes: host.memoryAvailableBytes,
    memoryReclaimableBytes: residents.reduce((sum, resident) => sum + (resident?.anonymousBytes ?? 0), 0),
    missingBytes,
    diskFreeBytes: disk.freeBytes,
    diskReserveBytes: limits.diskReserveBytes,
  });
}

// Before the first artifact: the manifest itself, and whether this device can take the version at all.

import type { DesiredModel } from '../../shared/desired-state.ts';
import { limits } from '../../shared/limits.ts';
import { type Artifact, artifactsForDevice, type Manifest, type Variant } from '../../shared/manifest.ts';
import { engineSpec } from '../engine-spec.ts';
import type { Means } from '../means.ts';
import { type AdmissionFacts, admissionFault, diskShortage } from '../rules/admission.ts';
import type { VersionPlace } from '../rules/kept-versions.ts';
import { ended, type StepOutcome } from '../rules/step-outcome.ts';
import { type FormerVersion, givenUp } from '../rules/way-back.ts';
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
  const artifacts = artifactsForDevice(manifest, variant);
  const { facts, fault } = await judged(means, wanted, { variant, artifacts });
  if (!fault) return { kind: 'moved', to: 'DOWNLOADING' };
  const former = fault.code === 'disk_full' ? await spareVersions(means, { facts, artifacts }) : [];
  if (former.length > 0) return { kind: 'space-needed', formerIds: former };
  return { kind: 'ended', to: 'REJECTED', reason: fault };
}

/** What engines keep to start sooner, or to change sizes sooner, makes way for a version. */
async function judged(means: Means, wanted: DesiredModel, of: { variant: Variant; artifacts: readonly Artifact[] }) {
  const judge = async () => {
    const facts = await factsOf(means, wanted, of);
    return { facts, fault: admissionFault(facts) };
  };
  const found = await judge();
  if (found.fault?.code === 'memory_insufficient' && (await means.engines.makeWay())) return judge();
  if (found.fault?.code !== 'disk_full' || (await means.store.compiled.keepOnly(new Set())) === 0) return found;
  means.log('compiled forms are removed: the disk has too little space for a version');
  return judge();
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

async function factsOf(
  { store, engines, measure, processor }: Means,
  { history, role }: DesiredModel,
  { variant, artifacts }: { variant: Variant; artifacts: readonly Artifact[] },
): Promise<AdmissionFacts> {
  const [runtimes, host, disk, missingBytes] = await Promise.all([
    measure.installedRuntimes(),
    measure.readHost(),
    measure.diskFree(),
    store.blobs.missingBytes(artifacts),
  ]);
  // A shadow runs beside the others: what those hold it cannot have.
  const residents = role === 'shadow' ? [] : engines.loaded();
  const held = await Promise.all(residents.map(({ pid }) => measure.readProcess(pid).catch(() => null)));
  return {
    variant,
    installedRuntimes: runtimes.map(({ runtime }) => runtime),
    processor: await processor(),
    history,
    memoryAvailableBytes: host.memoryAvailableBytes,
    memoryReclaimableBytes: held.reduce((sum, resident) => sum + (resident?.anonymousBytes ?? 0), 0),
    missingBytes,
    diskFreeBytes: disk.freeBytes,
    diskReserveBytes: limits.diskReserveBytes,
  };
}

/** Ids of former versions that would make room; empty when none may go, or all of them are not enough. */
async function spareVersions(
  { store }: Means,
  { facts, artifacts }: { facts: AdmissionFacts; artifacts: readonly Artifact[] },
): Promise<string[]> {
  const replaced = store.places.replaced();
  const others = [...store.places.running(), ...store.installations.open().map(({ wanted }) => wanted)];
  const needed = new Set(
    [...artifacts, ...(await Promise.all(others.map((one) => filesOf(store, one)))).flat()].map(sha),
  );
  const former: FormerVersion[] = [];
  for (const { place, replacedMs } of replaced) {
    const own = (await filesOf(store, place)).filter((file) => !needed.has(sha(file)));
    for (const file of own) needed.add(sha(file));
    const ownBytes = own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    former.push({ installationId: place.installationId, replacedMs, ownBytes });
  }
  return givenUp(former, diskShortage(facts), store.lifetime.now()).map(({ installationId }) => installationId);
}

const sha = ({ sha256 }: Artifact): string => sha256;

async function filesOf(store: Means['store'], place: VersionPlace): Promise<Artifact[]> {
  const spec = await engineSpec(store, place).catch(() => null);
  return spec ? artifactsForDevice(spec.manifest, spec.variant) : [];
}

// Takes away what no kept version needs: engines, slots, blobs. Two versions a model stay, and what is on its way in.
import { artifactsForDevice, Manifest } from '../../shared/manifest.ts';
import type { Means } from '../means.ts';
import { keptSlots, slotName, type VersionPlace } from '../rules/kept-versions.ts';

export async function prune({ store, engines, log }: Means): Promise<void> {
  const running = store.places.running();
  const open = store.installations.open().map(({ wanted }) => wanted);
  const kept: VersionPlace[] = [...running, ...store.places.before(), ...open];
  await engines.keepOnly(new Set([...running, ...open].map(slotName)));
  await store.slots.keepOnly(keptSlots(running, store.places.before(), open));
  const freedBytes = await store.blobs.keepOnly(await neededBlobs(store.blobs, kept));
  if (freedBytes > 0) log(`${freedBytes} bytes set free: no kept version needs them`);
  const wanted = store.desired.get()?.models ?? [];
  store.installations.forget(new Set(wanted.map(({ installationId }) => installationId)));
}

async function neededBlobs(blobs: Means['store']['blobs'], kept: readonly VersionPlace[]): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const { versionDigest, variant } of kept) {
    needed.add(versionDigest);
    const text = await blobs.readText(versionDigest);
    const manifest = text === null ? null : Manifest.parse(JSON.parse(text));
    const found = manifest?.variants.find(({ name }) => name === variant);
    if (manifest && found) for (const { sha256 } of artifactsForDevice(manifest, found)) needed.add(sha256);
  }
  return needed;
}

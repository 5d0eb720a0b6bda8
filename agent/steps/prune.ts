// Takes away what no kept version needs: engines, slots, blobs. Two versions a model stay, and what is on its way in.
import { artifactsForDevice, Manifest } from '../../shared/manifest.ts';
import type { Means } from '../means.ts';
import { keptSlots, slotName, type VersionPlace } from '../rules/kept-versions.ts';

export async function prune({ store, engines, log }: Means): Promise<void> {
  const running = store.places.running();
  const open = store.installations.open().map(({ wanted }) => wanted);
  const kept: VersionPlace[] = [...running, ...store.places.before(), ...open];
  await engines.keepOnly(new Set([...running, ...open].map(slotName)));
  const slots = keptSlots(running, store.places.before(), open);
  await store.slots.keepOnly(slots);
  await store.compiled.keepOnly(slots);
  const needed = await neededBlobs(store.blobs, kept);
  if (needed.kind === 'unreadable') log(`nothing is set free: ${needed.message}`);
  const freedBytes = needed.kind === 'blobs' ? await store.blobs.keepOnly(needed.sha256) : 0;
  if (freedBytes > 0) log(`${freedBytes} bytes set free: no kept version needs them`);
  const wanted = store.desired.get()?.models ?? [];
  store.installations.forget(new Set(wanted.map(({ installationId }) => installationId)));
}

type Needed =
  | { readonly kind: 'blobs'; readonly sha256: ReadonlySet<string> }
  /** What a kept version needs cannot be told, so nothing may go. */
  | { readonly kind: 'unreadable'; readonly message: string };

async function neededBlobs(blobs: Means['store']['blobs'], kept: readonly VersionPlace[]): Promise<Needed> {
  const needed = new Set<string>();
  for (const { versionDigest, variant } of kept) {
    needed.add(versionDigest);
    const stored = await blobs.readChecked(versionDigest);
    if (stored.kind === 'missing') continue;
    const manifest = stored.kind === 'text' ? readManifest(stored.text) : null;
    if (!manifest) return { kind: 'unreadable', message: `the manifest ${versionDigest} on the disk is damaged` };
    const found = manifest.variants.find(({ name }) => name === variant);
    if (found) for (const { sha256 } of artifactsForDevice(manifest, found)) needed.add(sha256);
  }
  return { kind: 'blobs', sha256: needed };
}

function readManifest(text: string): Manifest | null {
  try {
    return Manifest.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

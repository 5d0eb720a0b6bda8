import { StillError } from '../shared/errors.ts';
import { artifactsForDevice, Manifest } from '../shared/manifest.ts';
import type { EngineSpec } from './engine/engine.ts';
import { slotName, type VersionPlace } from './rules/kept-versions.ts';
import type { Store } from './store/open-store.ts';
import type { SlotFile } from './store/slots.ts';

/** What an engine needs to know of a version whose manifest is on the disk. @throws StillError `not_found` */
export async function engineSpec(
  store: Store,
  place: VersionPlace,
): Promise<EngineSpec & { readonly compiledFolder: string }> {
  const found = await store.blobs.readChecked(place.versionDigest);
  if (found.kind === 'missing')
    throw new StillError('not_found', `the manifest ${place.versionDigest} is not on this device`);
  if (found.kind === 'damaged')
    throw new StillError('not_found', `the manifest ${place.versionDigest} on this device is damaged`);
  const manifest = Manifest.parse(JSON.parse(found.text));
  const variant = manifest.variants.find(({ name }) => name === place.variant);
  if (!variant)
    throw new StillError('not_found', `${manifest.model}@${manifest.version} has no variant "${place.variant}"`);
  const slot = slotName(place);
  const folders = { folder: store.slots.path(slot), compiledFolder: store.compiled.path(slot) };
  return { versionDigest: place.versionDigest, manifest, variant, ...folders };
}

/** The slot's files: where each stands in it, and the blob that it is. */
export function slotFiles(store: Store, { manifest, variant }: EngineSpec): SlotFile[] {
  return artifactsForDevice(manifest, variant).map(({ path, sha256 }) => ({ path, blob: store.blobs.path(sha256) }));
}

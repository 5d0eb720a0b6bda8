// What must travel to a device: the artifacts of its variant, without those that the versions it runs have brought.
import { artifactsForDevice, type Manifest } from '../../../shared/manifest.ts';

export function bytesToTravel(
  manifest: Manifest,
  variantName: string | null,
  running: readonly { readonly versionDigest: string; readonly variant: string }[],
  manifests: ReadonlyMap<string, Manifest>,
): number {
  const held = new Set(
    running.flatMap((one) => artifactsOf(manifests.get(one.versionDigest), one.variant)).map(({ sha256 }) => sha256),
  );
  const missing = new Map(
    artifactsOf(manifest, variantName)
      .filter(({ sha256 }) => !held.has(sha256))
      .map(({ sha256, sizeBytes }) => [sha256, sizeBytes]),
  );
  return [...missing.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
}

function artifactsOf(manifest: Manifest | undefined, variantName: string | null) {
  const variant = manifest?.variants.find(({ name }) => name === variantName);
  return manifest && variant ? artifactsForDevice(manifest, variant) : [];
}

// What prune leaves: what runs, what ran before (the way back), and what is on its way in.
export interface VersionPlace {
  readonly versionDigest: string;
  readonly variant: string;
}

export const slotName = ({ versionDigest, variant }: VersionPlace): string => `${versionDigest}-${variant}`;

/** Names of the slots that must stay; every other slot, and every blob that no kept version names, may go. */
export function keptSlots(
  running: readonly VersionPlace[],
  before: readonly VersionPlace[],
  open: readonly VersionPlace[],
): Set<string> {
  return new Set([...running, ...before, ...open].map(slotName));
}

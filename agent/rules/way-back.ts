// When the version that ran before may go. It stays for as long as there is room, at least for a grace time after the
// switch; after that it makes way for a version that is wanted and would not fit beside it.

/** Long enough for somebody to look at yesterday's rollout and abort it. */
export const WAY_BACK_MS = 24 * 3600_000;

export interface FormerVersion {
  readonly installationId: string;
  /** When another one took its place. */
  readonly replacedMs: number;
  /** What its blobs hold that no other version needs. */
  readonly ownBytes: number;
}

/**
 * The former versions to give up so that `missingBytes` become free, the oldest first; none when that would not do.
 */
export function givenUp(former: readonly FormerVersion[], missingBytes: number, nowMs: number): FormerVersion[] {
  const chosen: FormerVersion[] = [];
  let freedBytes = 0;
  for (const version of former.toSorted((a, b) => a.replacedMs - b.replacedMs)) {
    if (freedBytes >= missingBytes) break;
    if (nowMs - version.replacedMs < WAY_BACK_MS || version.ownBytes === 0) continue;
    chosen.push(version);
    freedBytes += version.ownBytes;
  }
  return freedBytes >= missingBytes ? chosen : [];
}

// What engines of each version took on this device, by the pixels of their pictures: the next prediction is better.
import type { Database, Statement } from 'better-sqlite3';
import type { VersionPlace } from '../rules/kept-versions.ts';
import type { ObservedMemory } from '../rules/memory/predict-memory.ts';

export interface MemoryObservation {
  readonly pixels: number;
  readonly loadedBytes: number;
  readonly peakBytes: number;
}

export class Memory {
  private readonly insert: Statement<[string, string, number, number, number]>;
  private readonly select: Statement<[string, string], { pixels: number; loaded_bytes: number; peak_bytes: number }>;

  constructor(database: Database) {
    this.insert = database.prepare(
      `INSERT INTO memory (version_digest, variant, pixels, loaded_bytes, peak_bytes) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET loaded_bytes = max(loaded_bytes, excluded.loaded_bytes),
                                 peak_bytes = max(peak_bytes, excluded.peak_bytes)`,
    );
    this.select = database.prepare(
      'SELECT pixels, loaded_bytes, peak_bytes FROM memory WHERE version_digest = ? AND variant = ? ORDER BY pixels',
    );
  }

  observe({ versionDigest, variant }: VersionPlace, { pixels, loadedBytes, peakBytes }: MemoryObservation): void {
    this.insert.run(versionDigest, variant, pixels, loadedBytes, peakBytes);
  }

  of({ versionDigest, variant }: VersionPlace): ObservedMemory | null {
    const rows = this.select.all(versionDigest, variant);
    if (rows.length === 0) return null;
    return {
      loadedBytes: Math.max(...rows.map((row) => row.loaded_bytes)),
      peaks: rows.map((row) => ({ pixels: row.pixels, bytes: row.peak_bytes })),
    };
  }
}

import { type Kysely, sql } from 'kysely';

// Every desired state asks what its device's class measured; the index alone answers.
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(`CREATE INDEX bench_runs_peak ON bench_runs (version_digest, variant, device_class, peak_rss_bytes)`)
    .execute(db);
}

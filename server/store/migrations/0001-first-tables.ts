import { type Kysely, sql } from 'kysely';

const statements = [
  `CREATE TABLE devices (
     device_id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     device_class TEXT NOT NULL,
     secret_sha256 TEXT NOT NULL,
     token_id TEXT,
     agent_version TEXT,
     inventory_json TEXT,
     running_json TEXT NOT NULL DEFAULT '[]',
     telemetry_json TEXT,
     enrolled_ms INTEGER NOT NULL,
     revoked_ms INTEGER,
     online INTEGER NOT NULL DEFAULT 0,
     last_seen_ms INTEGER,
     boot_id TEXT,
     desired_generation INTEGER NOT NULL DEFAULT 0,
     reported_generation INTEGER NOT NULL DEFAULT -1,
     report_seq INTEGER NOT NULL DEFAULT 0
   ) STRICT`,
  // A revoked device's name is free again.
  `CREATE UNIQUE INDEX devices_name ON devices (name) WHERE revoked_ms IS NULL`,
  `CREATE INDEX devices_by_name ON devices (name)`,
  `CREATE INDEX devices_online ON devices (last_seen_ms) WHERE online = 1`,

  `CREATE TABLE labels (
     device_id TEXT NOT NULL REFERENCES devices,
     key TEXT NOT NULL,
     value TEXT NOT NULL,
     PRIMARY KEY (device_id, key)
   ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE enrolment_tokens (
     token_id TEXT PRIMARY KEY,
     secret_sha256 TEXT NOT NULL,
     uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
     expires_ms INTEGER NOT NULL,
     labels_json TEXT NOT NULL,
     created_ms INTEGER NOT NULL
   ) STRICT`,

  `CREATE TABLE api_keys (
     key_id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     scope TEXT NOT NULL,
     secret_sha256 TEXT NOT NULL,
     created_ms INTEGER NOT NULL,
     revoked_ms INTEGER
   ) STRICT`,

  `CREATE TABLE versions (
     version_digest TEXT PRIMARY KEY,
     model TEXT NOT NULL,
     version TEXT NOT NULL,
     licence TEXT NOT NULL,
     manifest TEXT NOT NULL,
     published_ms INTEGER NOT NULL,
     size_bytes INTEGER NOT NULL,
     UNIQUE (model, version)
   ) STRICT`,

  `CREATE TABLE artifacts (
     sha256 TEXT PRIMARY KEY,
     size_bytes INTEGER NOT NULL,
     received_ms INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE version_artifacts (
     sha256 TEXT NOT NULL REFERENCES artifacts,
     version_digest TEXT NOT NULL REFERENCES versions,
     PRIMARY KEY (sha256, version_digest)
   ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE rollouts (
     rollout_id TEXT PRIMARY KEY,
     model TEXT NOT NULL,
     version TEXT NOT NULL,
     version_digest TEXT NOT NULL REFERENCES versions,
     selector TEXT NOT NULL,
     gates_json TEXT NOT NULL,
     on_failure TEXT NOT NULL,
     approval TEXT NOT NULL,
     wave_deadline_ms INTEGER NOT NULL,
     state TEXT NOT NULL,
     ending TEXT,
     ending_because TEXT,
     returning_since_ms INTEGER,
     explanation TEXT NOT NULL,
     started_ms INTEGER NOT NULL,
     started_by TEXT NOT NULL,
     ended_ms INTEGER
   ) STRICT`,
  `CREATE INDEX rollouts_open ON rollouts (state) WHERE ended_ms IS NULL`,

  `CREATE TABLE waves (
     rollout_id TEXT NOT NULL REFERENCES rollouts,
     wave_index INTEGER NOT NULL,
     state TEXT NOT NULL,
     started_ms INTEGER,
     deadline_ms INTEGER,
     verdicts_json TEXT NOT NULL DEFAULT '[]',
     evidence_key TEXT,
     PRIMARY KEY (rollout_id, wave_index)
   ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE rollout_targets (
     rollout_id TEXT NOT NULL REFERENCES rollouts,
     device_id TEXT NOT NULL REFERENCES devices,
     wave_index INTEGER NOT NULL,
     variant TEXT NOT NULL,
     why TEXT NOT NULL,
     installation_id TEXT,
     judged INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (rollout_id, device_id)
   ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX rollout_targets_device ON rollout_targets (device_id)`,

  `CREATE TABLE installations (
     installation_id TEXT PRIMARY KEY,
     device_id TEXT NOT NULL REFERENCES devices,
     rollout_id TEXT REFERENCES rollouts,
     model TEXT NOT NULL,
     version TEXT NOT NULL,
     version_digest TEXT NOT NULL REFERENCES versions,
     variant TEXT NOT NULL,
     role TEXT NOT NULL,
     probe TEXT NOT NULL,
     generation INTEGER NOT NULL,
     before_installation_id TEXT,
     state TEXT NOT NULL,
     since_ms INTEGER NOT NULL,
     deadline_ms INTEGER,
     reason_json TEXT,
     created_ms INTEGER NOT NULL,
     superseded_ms INTEGER
   ) STRICT`,
  `CREATE INDEX installations_device ON installations (device_id, version_digest)`,
  `CREATE INDEX installations_rollout ON installations (rollout_id)`,
  `CREATE INDEX installations_deadline ON installations (deadline_ms) WHERE deadline_ms IS NOT NULL`,

  `CREATE TABLE desired_models (
     device_id TEXT NOT NULL REFERENCES devices,
     model TEXT NOT NULL,
     role TEXT NOT NULL,
     installation_id TEXT NOT NULL REFERENCES installations,
     PRIMARY KEY (device_id, model, role)
   ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE transitions (
     transition_id INTEGER PRIMARY KEY,
     installation_id TEXT NOT NULL REFERENCES installations,
     device_id TEXT NOT NULL REFERENCES devices,
     from_state TEXT NOT NULL,
     to_state TEXT NOT NULL,
     at_ms INTEGER NOT NULL,
     report_seq INTEGER,
     reason_json TEXT,
     UNIQUE (installation_id, to_state)
   ) STRICT`,
  `CREATE TRIGGER transitions_keep BEFORE UPDATE ON transitions BEGIN SELECT raise(ABORT, 'transitions are append-only'); END`,
  `CREATE TRIGGER transitions_stay BEFORE DELETE ON transitions BEGIN SELECT raise(ABORT, 'transitions are append-only'); END`,

  `CREATE TABLE jobs (
     job_id TEXT PRIMARY KEY,
     kind TEXT NOT NULL CHECK (kind IN ('bench', 'picture')),
     device_id TEXT NOT NULL REFERENCES devices,
     state TEXT NOT NULL,
     request_json TEXT NOT NULL,
     reason_json TEXT,
     progress_json TEXT,
     result_json TEXT,
     requested_ms INTEGER NOT NULL,
     requested_by TEXT NOT NULL,
     deadline_ms INTEGER NOT NULL,
     ended_ms INTEGER
   ) STRICT`,
  `CREATE INDEX jobs_newest ON jobs (kind, job_id)`,
  `CREATE INDEX jobs_device ON jobs (device_id, job_id)`,
  `CREATE INDEX jobs_open ON jobs (deadline_ms) WHERE ended_ms IS NULL`,

  `CREATE TABLE bench_runs (
     bench_run_id TEXT PRIMARY KEY,
     device_id TEXT NOT NULL REFERENCES devices,
     device_class TEXT NOT NULL,
     version_digest TEXT NOT NULL,
     model TEXT NOT NULL,
     version TEXT NOT NULL,
     variant TEXT NOT NULL,
     mode TEXT NOT NULL,
     job_id TEXT,
     installation_id TEXT,
     latency_ms_p50 REAL NOT NULL,
     latency_ms_p90 REAL,
     peak_rss_bytes INTEGER NOT NULL,
     quality REAL,
     parameters INTEGER NOT NULL,
     samples INTEGER NOT NULL,
     disturbed INTEGER NOT NULL,
     result_json TEXT NOT NULL,
     received_ms INTEGER NOT NULL
   ) STRICT`,
  `CREATE INDEX bench_runs_device ON bench_runs (device_id, version_digest, received_ms)`,
  `CREATE INDEX bench_runs_class ON bench_runs (version_digest, device_class)`,
  `CREATE INDEX bench_runs_job ON bench_runs (job_id) WHERE job_id IS NOT NULL`,

  `CREATE TABLE pictures (
     picture_id TEXT PRIMARY KEY REFERENCES jobs,
     sha256 TEXT NOT NULL,
     size_bytes INTEGER NOT NULL,
     received_ms INTEGER NOT NULL
   ) STRICT`,

  `CREATE TABLE telemetry (
     device_id TEXT NOT NULL,
     at_ms INTEGER NOT NULL,
     agent_rss_bytes INTEGER NOT NULL,
     engine_rss_bytes INTEGER NOT NULL,
     memory_available_bytes INTEGER NOT NULL,
     disk_free_bytes INTEGER NOT NULL,
     load_1 REAL NOT NULL,
     temperature_celsius REAL,
     throttled_flags INTEGER,
     PRIMARY KEY (device_id, at_ms)
   ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE outgoing (
     outgoing_id INTEGER PRIMARY KEY AUTOINCREMENT,
     device_id TEXT NOT NULL REFERENCES devices,
     kind TEXT NOT NULL,
     subject TEXT NOT NULL,
     payload_json TEXT NOT NULL,
     UNIQUE (device_id, kind, subject)
   ) STRICT`,

  `CREATE TABLE events (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     at_ms INTEGER NOT NULL,
     kind TEXT NOT NULL,
     subject TEXT NOT NULL,
     details_json TEXT NOT NULL
   ) STRICT`,

  `CREATE TABLE audit (
     sequence INTEGER PRIMARY KEY,
     at_ms INTEGER NOT NULL,
     actor TEXT NOT NULL,
     action TEXT NOT NULL,
     subject TEXT NOT NULL,
     details_json TEXT NOT NULL,
     hash TEXT NOT NULL
   ) STRICT`,
  `CREATE TRIGGER audit_keep BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'audit is append-only'); END`,
  `CREATE TRIGGER audit_stay BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'audit is append-only'); END`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

// The tables as Kysely sees them; migrations/ makes them. Times are UTC milliseconds; *_json holds JSON text.
import type { Generated, GeneratedAlways } from 'kysely';
import type { DecisionsTable, GroupsTable, RolloutsTable, RolloutTargetsTable, WavesTable } from './schema-rollouts.ts';

export interface DevicesTable {
  device_id: string;
  name: string;
  device_class: string;
  secret_sha256: string;
  token_id: string | null;
  agent_version: string | null;
  inventory_json: string | null;
  running_json: string;
  telemetry_json: string | null;
  enrolled_ms: number;
  revoked_ms: number | null;
  online: number;
  last_seen_ms: number | null;
  boot_id: string | null;
  desired_generation: number;
  reported_generation: number;
  /** Highest sequence number of a report that is stored. */
}

export interface LabelsTable {
  device_id: string;
  key: string;
  value: string;
}

export interface EnrolmentTokensTable {
  token_id: string;
  secret_sha256: string;
  uses_left: number;
  expires_ms: number;
  labels_json: string;
  created_ms: number;
}

export interface ApiKeysTable {
  key_id: string;
  name: string;
  scope: string;
  secret_sha256: string;
  created_ms: number;
  revoked_ms: number | null;
}

export interface VersionsTable {
  version_digest: string;
  model: string;
  version: string;
  licence: string;
  /** Canonical JSON: its sha256 is the digest. */
  manifest: string;
  published_ms: number;
  size_bytes: number;
}

export interface ArtifactsTable {
  sha256: string;
  size_bytes: number;
  received_ms: number;
}

export interface VersionArtifactsTable {
  version_digest: string;
  sha256: string;
}

export interface InstallationsTable {
  installation_id: string;
  device_id: string;
  rollout_id: string | null;
  model: string;
  version: string;
  version_digest: string;
  variant: string;
  role: string;
  probe: string;
  generation: number;
  /** What the device ran in this place before, and goes back to. */
  before_installation_id: string | null;
  state: string;
  since_ms: number;
  deadline_ms: number | null;
  reason_json: string | null;
  created_ms: number;
  /** When the desired state stopped naming it. */
  superseded_ms: number | null;
}

export interface DesiredModelsTable {
  device_id: string;
  model: string;
  role: string;
  installation_id: string;
}

export interface TransitionsTable {
  transition_id: GeneratedAlways<number>;
  installation_id: string;
  device_id: string;
  from_state: string;
  to_state: string;
  at_ms: number;
  /** The report that told it; null when the server decided or concluded it. */
  report_seq: number | null;
  reason_json: string | null;
}

export interface JobsTable {
  job_id: string;
  kind: string;
  device_id: string;
  state: string;
  request_json: string;
  order_json: string | null;
  hand_overs_json: string | null;
  reason_json: string | null;
  progress_json: string | null;
  /** Of a picture that was made; a bench's result is a bench run. */
  result_json: string | null;
  requested_ms: number;
  requested_by: string;
  deadline_ms: number;
  ended_ms: number | null;
}

export interface BenchRunsTable {
  bench_run_id: string;
  device_id: string;
  device_class: string;
  version_digest: string;
  model: string;
  version: string;
  variant: string;
  mode: string;
  job_id: string | null;
  installation_id: string | null;
  latency_ms_p50: number;
  latency_ms_p90: number | null;
  peak_rss_bytes: number;
  quality: number | null;
  parameters: number;
  samples: number;
  disturbed: number;
  result_json: string;
  received_ms: number;
}

/** Of one request: what the picture that was returned and the shadow's took and showed. */
export interface ShadowComparisonsTable {
  comparison_id: GeneratedAlways<number>;
  device_id: string;
  installation_id: string;
  against_version: string;
  against_digest: string;
  latency_ms_returned: number;
  latency_ms_shadow: number;
  mean_absolute_difference: number | null;
  same_labels: number | null;
  adherence_returned: number | null;
  adherence_shadow: number | null;
  received_ms: number;
}

export interface PicturesTable {
  picture_id: string;
  sha256: string;
  size_bytes: number;
  received_ms: number;
}

export interface TelemetryTable {
  device_id: string;
  at_ms: number;
  agent_rss_bytes: number;
  engine_rss_bytes: number;
  memory_available_bytes: number;
  disk_free_bytes: number;
  load_1: number;
  temperature_celsius: number | null;
  throttled_flags: number | null;
}

/** MQTT messages owed to devices. */
export interface OutgoingTable {
  outgoing_id: GeneratedAlways<number>;
  device_id: string;
  kind: string;
  /** Desired states and acknowledgements replace each other; of commands each id stands once. */
  subject: string;
  payload_json: string;
}

export interface EventsTable {
  sequence: GeneratedAlways<number>;
  at_ms: number;
  kind: string;
  subject: string;
  details_json: string;
}

export interface AuditTable {
  sequence: Generated<number>;
  at_ms: number;
  actor: string;
  action: string;
  subject: string;
  details_json: string;
  hash: string;
}

export interface OutboxesTable {
  device_id: string;
  outbox_id: string;
  report_seq: number;
}

export interface Schema {
  devices: DevicesTable;
  outboxes: OutboxesTable;
  labels: LabelsTable;
  enrolment_tokens: EnrolmentTokensTable;
  api_keys: ApiKeysTable;
  versions: VersionsTable;
  artifacts: ArtifactsTable;
  version_artifacts: VersionArtifactsTable;
  rollouts: RolloutsTable;
  waves: WavesTable;
  rollout_targets: RolloutTargetsTable;
  groups: GroupsTable;
  decisions: DecisionsTable;
  installations: InstallationsTable;
  desired_models: DesiredModelsTable;
  transitions: TransitionsTable;
  jobs: JobsTable;
  bench_runs: BenchRunsTable;
  shadow_comparisons: ShadowComparisonsTable;
  pictures: PicturesTable;
  telemetry: TelemetryTable;
  outgoing: OutgoingTable;
  events: EventsTable;
  audit: AuditTable;
}

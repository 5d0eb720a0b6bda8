// The tables of rollouts, as Kysely sees them; see schema.ts.
import type { GeneratedAlways } from 'kysely';

export interface RolloutsTable {
  rollout_id: string;
  model: string;
  version: string;
  version_digest: string;
  selector: string;
  gates_json: string;
  on_failure: string;
  approval: string;
  wave_deadline_ms: number;
  state: string;
  /** While ROLLING_BACK: the state that follows, why, and since when. */
  ending: string | null;
  ending_because: string | null;
  returning_since_ms: number | null;
  explanation: string;
  started_ms: number;
  started_by: string;
  ended_ms: number | null;
  confidence: number;
  pace_json: string;
  retries: number;
  priority: number;
  /** Null for one whose devices were frozen at the start. */
  dynamic_until_ms: number | null;
  wanted_variant: string | null;
  /** Since when it takes no late devices, and why; null while it does. */
  late_held_ms: number | null;
  late_held_because: string | null;
  role: string;
  /** Grows with every command and every change of state. */
  revision: number;
  changed_by: string;
  changed_what: string;
  changed_ms: number;
}

export interface WavesTable {
  rollout_id: string;
  wave_index: number;
  state: string;
  started_ms: number | null;
  deadline_ms: number | null;
  verdicts_json: string;
  /** What the verdicts were made from; judged again only when it differs. */
  evidence_key: string | null;
}

export interface RolloutTargetsTable {
  rollout_id: string;
  device_id: string;
  wave_index: number;
  variant: string;
  why: string;
  installation_id: string | null;
  /** A device that came after its wave was judged has been judged by itself. */
  judged: number;
  /** It did, and counts among the late ones until somebody resumes the rollout. */
  counted_late: number;
  attempts: number;
  evidence_key: string | null;
  /** The rollout that took the device over. */
  taken_by: string | null;
}

export interface GroupsTable {
  name: string;
  selector: string;
  saved_ms: number;
  saved_by: string;
}

/** What was decided about a rollout, by whom, and from what. Append-only. */
export interface DecisionsTable {
  decision_id: GeneratedAlways<number>;
  rollout_id: string;
  at_ms: number;
  actor: string;
  kind: string;
  wave_index: number | null;
  explanation: string;
  evidence_json: string;
}

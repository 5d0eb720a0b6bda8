// What must hold on the server, looked at where a commit has changed something.
import { type InstallationState, installationTable } from '../../../shared/installation.ts';
import { isFinal, step } from '../../../shared/machine.ts';
import { prepared } from '../prepared.ts';
import type { SimServer } from '../server.ts';
import type { Behaviour } from '../versions.ts';
import { Violation } from '../violation.ts';

interface TransitionRow {
  readonly transition_id: number;
  readonly installation_id: string;
  readonly from_state: InstallationState;
  readonly to_state: InstallationState;
  readonly at_ms: number;
  readonly deadline_ms: number | null;
  readonly present: InstallationState;
}

interface WaveRow {
  readonly rollout_id: string;
  readonly version: string;
  readonly wave_index: number;
}

/** The server gives devices five minutes beyond their deadlines. */
const SLACK_MS = 10 * 60_000;
const JOB_SLACK_MS = 60_000;
/** These fail on whatever device they come to, or violate a gate that every simulated rollout has. */
const FAILING: readonly Behaviour[] = ['mismatched', 'unloadable', 'crashing', 'hanging', 'ugly', 'slow'];

const NEW_TRANSITIONS = `
  SELECT t.transition_id, t.installation_id, t.from_state, t.to_state, t.at_ms, i.deadline_ms, i.state AS present
  FROM transitions t JOIN installations i USING (installation_id)
  WHERE t.transition_id > ? ORDER BY t.transition_id`;

export class ServerChecker {
  private readonly server: SimServer;
  private readonly behaviourOf: (version: string) => Behaviour;
  private readonly states = new Map<string, InstallationState>();
  private lastTransition = 0;
  /** Open job → the devices that had it, the present one last. */
  private readonly hadBy = new Map<string, string[]>();
  /** "rollout wave" of waves that somebody let pass over what the gates said. */
  private readonly approved = new Set<string>();
  private readonly wavesSeen = new Set<string>();

  constructor(server: SimServer, behaviourOf: (version: string) => Behaviour) {
    this.server = server;
    this.behaviourOf = behaviourOf;
  }

  check(tables: ReadonlySet<string>): void {
    if (tables.has('transitions')) this.checkTransitions();
    if (tables.has('waves')) this.checkWaves();
    if (tables.has('jobs')) this.checkJobs();
  }

  /** A power cut took back what was not synced: what stands now is where it goes on from. */
  startAnew(): void {
    const { sqlite } = this.server.database;
    this.states.clear();
    this.hadBy.clear();
    const rows = sqlite.prepare('SELECT installation_id, state FROM installations').all();
    for (const row of rows as { installation_id: string; state: InstallationState }[])
      this.states.set(row.installation_id, row.state);
    const last = sqlite.prepare('SELECT max(transition_id) AS last FROM transitions').get();
    this.lastTransition = (last as { last: number | null }).last ?? 0;
  }

  approve(rolloutId: string): void {
    this.approved.add(rolloutId);
  }

  /** Now and then: nothing waits without an end, and nothing waits beyond its end. */
  checkDeadlines(nowMs: number): void {
    const { sqlite } = this.server.database;
    const late = prepared(
      sqlite,
      'SELECT installation_id, state FROM installations WHERE deadline_ms IS NOT NULL AND deadline_ms < ?',
    ).get(nowMs - SLACK_MS) as { installation_id: string; state: string } | undefined;
    if (late) throw new Violation('deadlines', `${late.installation_id} stands in ${late.state} past its deadline`);
    const replaced = prepared(
      sqlite,
      'SELECT installation_id FROM installations WHERE deadline_ms IS NOT NULL AND superseded_ms < ?',
    ).get(nowMs - SLACK_MS) as { installation_id: string } | undefined;
    if (replaced)
      throw new Violation('deadlines', `${replaced.installation_id} is open, though another took its place`);
    const job = prepared(sqlite, 'SELECT job_id, state FROM jobs WHERE ended_ms IS NULL AND deadline_ms < ?').get(
      nowMs - JOB_SLACK_MS,
    ) as { job_id: string; state: string } | undefined;
    if (job) throw new Violation('deadlines', `${job.job_id} stands in ${job.state} past its deadline`);
    const endless = prepared(
      sqlite,
      `SELECT rollout_id, wave_index FROM waves WHERE state = 'RUNNING' AND deadline_ms IS NULL`,
    ).get() as { rollout_id: string; wave_index: number } | undefined;
    if (endless) throw new Violation('deadlines', `wave ${endless.wave_index} of ${endless.rollout_id} has none`);
  }

  private checkTransitions(): void {
    const rows = prepared(this.server.database.sqlite, NEW_TRANSITIONS).all(this.lastTransition) as TransitionRow[];
    for (const row of rows) {
      const { installation_id: id, from_state: from, to_state: to } = row;
      this.lastTransition = row.transition_id;
      const known = this.states.get(id) ?? 'QUEUED';
      if (known !== from) throw new Violation('legal transitions', `${id} was ${known}, and left ${from} for ${to}`);
      const walked = step(installationTable, from, to);
      if (walked.kind !== 'moved') throw new Violation('legal transitions', `${id}: ${from} → ${to}`);
      this.states.set(id, to);
      if (isFinal(installationTable, row.present)) continue;
      if (row.deadline_ms === null || row.deadline_ms <= row.at_ms)
        throw new Violation('deadlines', `${id} came to ${row.present} without a deadline in the future`);
    }
  }

  /** What a named device was asked for stays with it; what any of a selector may make comes to each once at most. */
  private checkJobs(): void {
    const open = prepared(
      this.server.database.sqlite,
      'SELECT job_id, device_id, order_json IS NULL AS stays FROM jobs WHERE ended_ms IS NULL',
    ).all() as { job_id: string; device_id: string; stays: number }[];
    for (const { job_id, device_id, stays } of open) {
      const had = this.hadBy.get(job_id) ?? [];
      if (had.at(-1) === device_id) continue;
      if (had.length > 0 && stays) throw new Violation('hand-overs', `${job_id} left the device that it was asked of`);
      if (had.includes(device_id)) throw new Violation('hand-overs', `${job_id} came to ${device_id} a second time`);
      this.hadBy.set(job_id, [...had, device_id]);
    }
  }

  /** A wave after the first runs only when the one before it passed; of a version that cannot pass, none does. */
  private checkWaves(): void {
    const { sqlite } = this.server.database;
    const running = prepared(
      sqlite,
      `SELECT w.rollout_id, r.version, w.wave_index FROM waves w JOIN rollouts r USING (rollout_id)
       WHERE w.state = 'RUNNING' AND w.wave_index > 0`,
    ).all() as WaveRow[];
    for (const { rollout_id, version, wave_index } of running) {
      const key = `${rollout_id} ${wave_index}`;
      if (this.wavesSeen.has(key)) continue;
      this.wavesSeen.add(key);
      if (!FAILING.includes(this.behaviourOf(version)) || this.approved.has(rollout_id)) continue;
      if (this.somebodyWasThere(rollout_id, wave_index - 1))
        throw new Violation(
          'waves hold',
          `${version} cannot pass, and came to wave ${wave_index + 1} of ${rollout_id}`,
        );
    }
  }

  /** A wave of which every device was revoked, or taken by another rollout, has nobody to fail. */
  private somebodyWasThere(rolloutId: string, waveIndex: number): boolean {
    const row = prepared(
      this.server.database.sqlite,
      `SELECT 1 FROM rollout_targets t JOIN devices d USING (device_id)
       WHERE t.rollout_id = ? AND t.wave_index = ? AND d.revoked_ms IS NULL AND t.taken_by IS NULL LIMIT 1`,
    ).get(rolloutId, waveIndex);
    return row !== undefined;
  }
}

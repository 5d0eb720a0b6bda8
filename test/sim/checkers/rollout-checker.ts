// What a rollout promised: its pace, its attempts, maintenance windows, whose the devices are, that a version which fails
// on devices that come late reaches no more of them, and that nothing of a shadow becomes current before somebody promotes it. Looked at within each commit of the server.
import { windowState } from '../../../server/rules/rollout/maintenance-window.ts';
import type { Pace } from '../../../shared/http-api.ts';
import { type InstallationState, isFailure } from '../../../shared/installation.ts';
import type { SimDevice } from '../device.ts';
import { prepared } from '../prepared.ts';
import type { SimServer } from '../server.ts';
import { Violation } from '../violation.ts';

interface BegunRow {
  readonly row: number;
  readonly installation_id: string;
  readonly device_id: string;
  readonly rollout_id: string;
  readonly rollout_state: string;
  readonly pace_json: string;
  readonly retries: number;
  readonly taken_by: string | null;
  /** Of its waves, those that have not passed. */
  readonly waves_open: number;
}

const MINUTE_MS = 60_000;
/** From the look at which the server decided to the commit at which it is seen here. */
const DECIDING_MS = 1000;

const BEGUN = `
  SELECT i.rowid AS row, i.installation_id, i.device_id, i.rollout_id, r.state AS rollout_state,
         r.pace_json, r.retries, t.taken_by,
         (SELECT count(*) FROM waves w WHERE w.rollout_id = i.rollout_id AND w.state <> 'PASSED') AS waves_open
  FROM installations i JOIN rollouts r USING (rollout_id)
  JOIN rollout_targets t ON t.rollout_id = i.rollout_id AND t.device_id = i.device_id
  WHERE i.rowid > ? ORDER BY i.rowid`;
const IN_FLIGHT = `
  SELECT count(*) FROM installations i JOIN devices d USING (device_id)
  JOIN rollout_targets t ON t.rollout_id = i.rollout_id AND t.device_id = i.device_id
  WHERE i.rollout_id = ? AND i.deadline_ms IS NOT NULL AND t.taken_by IS NULL AND d.revoked_ms IS NULL`;
const SUCCESSES = `SELECT count(*) FROM installations WHERE rollout_id = ? AND state = 'COMMITTED'`;
/** A power cut may have taken some back. */
const PRESENT = 'SELECT count(*) FROM installations WHERE installation_id IN (SELECT value FROM json_each(?))';
const ATTEMPTS = `
  SELECT count(*) AS attempts, sum(deadline_ms IS NOT NULL) AS open, sum(state = 'COMMITTED') AS done
  FROM installations WHERE rollout_id = ? AND device_id = ?`;
/** Simulated rollouts allow no failure, so one that was judged and failed since somebody last went over it is too many. */
const JUDGED_LATE = `
  SELECT count(*) FROM decisions WHERE rollout_id = ? AND kind = 'judge-late' AND explanation LIKE '% came late: fail%'
    AND decision_id > (
      SELECT coalesce(max(decision_id), 0) FROM decisions WHERE rollout_id = ? AND kind IN ('resume', 'approve'))`;
const GONE_OVER = `SELECT count(*) FROM decisions WHERE rollout_id = ? AND kind IN ('resume', 'approve')`;
/** Of installations that began late: those that are the last attempt of a device which still is the rollout's. */
const LAST_ATTEMPTS = `
  SELECT i.installation_id, i.state FROM installations i JOIN devices d USING (device_id)
  JOIN rollout_targets t ON t.rollout_id = i.rollout_id AND t.installation_id = i.installation_id
  WHERE i.installation_id IN (SELECT value FROM json_each(?)) AND t.taken_by IS NULL AND d.revoked_ms IS NULL
    AND t.attempts > ?`;
/** Only an installation of the same role stands in a place, and in a current one none of a rollout of shadows. */
const MISPLACED = `
  SELECT i.installation_id, i.role, d.role AS place FROM rollouts r
  CROSS JOIN installations i ON i.rollout_id = r.rollout_id
  CROSS JOIN desired_models d ON d.device_id = i.device_id AND d.installation_id = i.installation_id
  WHERE r.role = 'shadow' AND (d.role = 'current' OR i.role = 'current') LIMIT 1`;

export class RolloutChecker {
  private readonly server: SimServer;
  /** UTC milliseconds; what the server writes down as its starts is not asked. */
  private readonly now: () => number;
  private lastRow = 0;
  private readonly begunAtMs = new Map<string, { readonly id: string; readonly atMs: number }[]>();
  /** By rollout: what began after all of its waves had passed, since somebody last resumed it or approved a wave. */
  private readonly late = new Map<string, { goneOver: number; readonly ids: string[] }>();

  constructor(server: SimServer, now: () => number) {
    this.server = server;
    this.now = now;
  }

  /** A commit has changed `tables`. */
  check(tables: ReadonlySet<string>): void {
    if (tables.has('installations')) this.checkBegun();
    if (tables.has('desired_models')) this.checkShadows();
  }

  /** A power cut took back what was not synced. */
  startAnew(): void {
    this.lastRow = this.one('SELECT coalesce(max(rowid), 0) FROM installations');
  }

  /** Where a device has switched: what came as a shadow runs as current only once the server has it promoted. */
  checkRuns(device: SimDevice): void {
    const rows = prepared(
      device.database.sqlite,
      `SELECT installation_id FROM places WHERE place = 'running' AND role = 'current'`,
    ).all();
    for (const { installation_id } of rows as { installation_id: string }[]) {
      const role = prepared(this.server.database.sqlite, 'SELECT role FROM installations WHERE installation_id = ?')
        .pluck()
        .get(installation_id);
      if (role === 'shadow')
        throw new Violation('shadows stay shadows', `${device.name} runs ${installation_id} as current`);
    }
  }

  private checkBegun(): void {
    const rows = prepared(this.server.database.sqlite, BEGUN).all(this.lastRow) as BegunRow[];
    for (const begun of rows) {
      this.lastRow = begun.row;
      this.startsOf(begun).push({ id: begun.installation_id, atMs: this.now() });
      this.checkOwner(begun);
      this.checkAttempts(begun);
      this.checkWindow(begun);
      if (begun.waves_open === 0) this.checkLate(begun);
    }
    for (const begun of new Map(rows.map((row) => [row.rollout_id, row])).values()) this.checkPace(begun);
  }

  private checkOwner({ installation_id: id, rollout_id, rollout_state, taken_by }: BegunRow): void {
    if (taken_by !== null)
      throw new Violation('one rollout a device', `${id} of ${rollout_id} began on a device that ${taken_by} has`);
    if (rollout_state !== 'RUNNING' && rollout_state !== 'SUCCEEDED')
      throw new Violation('one rollout a device', `${id} began while ${rollout_id} was ${rollout_state}`);
  }

  private checkAttempts({ rollout_id, device_id, retries }: BegunRow): void {
    const row = prepared(this.server.database.sqlite, ATTEMPTS).get(rollout_id, device_id);
    const { attempts, open, done } = row as Record<'attempts' | 'open' | 'done', number>;
    if (attempts > retries + 1 || open > 1 || done > 0)
      throw new Violation(
        'attempts are bounded',
        `${rollout_id} began ${attempts} times on ${device_id} with ${retries} retries (${open} open, ${done} committed)`,
      );
  }

  /** Those that come after all waves have passed are a wave of their own: it ends with the first of them that fails. */
  private checkLate({ installation_id, rollout_id, retries }: BegunRow): void {
    const goneOver = this.one(GONE_OVER, rollout_id);
    const known = this.late.get(rollout_id);
    const { ids } = known?.goneOver === goneOver ? known : { ids: [] };
    const rows = prepared(this.server.database.sqlite, LAST_ATTEMPTS).all(JSON.stringify(ids), retries);
    const failed = (rows as { installation_id: string; state: InstallationState }[]).find(({ state }) =>
      isFailure(state),
    );
    if (failed || this.one(JUDGED_LATE, rollout_id, rollout_id) > 0)
      throw new Violation(
        'waves hold',
        `${installation_id} of ${rollout_id} began after ${failed?.installation_id ?? 'another'} that came late had failed`,
      );
    this.late.set(rollout_id, { goneOver, ids: [...ids, installation_id] });
  }

  private startsOf({ rollout_id }: BegunRow): { readonly id: string; readonly atMs: number }[] {
    const starts = this.begunAtMs.get(rollout_id) ?? [];
    this.begunAtMs.set(rollout_id, starts);
    return starts;
  }

  private checkWindow({ installation_id, device_id }: BegunRow): void {
    const labels = prepared(this.server.database.sqlite, 'SELECT key, value FROM labels WHERE device_id = ?').all(
      device_id,
    ) as { key: string; value: string }[];
    const { kind } = windowState(Object.fromEntries(labels.map(({ key, value }) => [key, value])), this.now());
    if (kind === 'closed' || kind === 'unreadable')
      throw new Violation('pace', `${installation_id} began outside of the maintenance window of ${device_id}`);
  }

  private checkPace(begun: BegunRow): void {
    const { rollout_id, pace_json } = begun;
    const { maxInFlight = Infinity, startsPerMinute = Infinity, growth }: Pace = JSON.parse(pace_json);
    const grown = growth ? growth.factor ** Math.floor(this.one(SUCCESSES, rollout_id) / growth.after) : 1;
    const inFlight = this.one(IN_FLIGHT, rollout_id);
    if (inFlight > Math.floor(maxInFlight * grown))
      throw new Violation('pace', `${inFlight} devices of ${rollout_id} are in flight, its pace is ${pace_json}`);
    const rate = startsPerMinute * grown;
    const sinceMs = this.now() - MINUTE_MS / Math.min(1, rate) + DECIDING_MS;
    const recent = this.startsOf(begun).filter(({ atMs }) => atMs > sinceMs);
    const starts = this.one(PRESENT, JSON.stringify(recent.map(({ id }) => id)));
    if (starts > Math.max(1, Math.floor(rate)))
      throw new Violation('pace', `${starts} starts of ${rollout_id} within a minute, its pace is ${pace_json}`);
  }

  private checkShadows(): void {
    const row = prepared(this.server.database.sqlite, MISPLACED).get();
    if (!row) return;
    const { installation_id, role, place } = row as Record<string, string>;
    throw new Violation('shadows stay shadows', `${installation_id}, a ${role}, is desired as ${place}`);
  }

  private one(sql: string, ...given: unknown[]): number {
    return prepared(this.server.database.sqlite, sql)
      .pluck()
      .get(...given) as number;
  }
}

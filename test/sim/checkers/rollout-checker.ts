// What a rollout promised: its pace, its attempts, maintenance windows, whose the devices are, and that nothing of a
// shadow becomes current before somebody promotes it. Looked at within each commit of the server.
import { windowState } from '../../../server/rules/rollout/maintenance-window.ts';
import type { Pace } from '../../../shared/http-api.ts';
import type { SimDevice } from '../device.ts';
import { prepared } from '../prepared.ts';
import type { SimServer } from '../server.ts';
import { Violation } from '../violation.ts';

interface BegunRow {
  readonly row: number;
  readonly installation_id: string;
  readonly device_id: string;
  readonly created_ms: number;
  readonly rollout_id: string;
  readonly rollout_state: string;
  readonly pace_json: string;
  readonly retries: number;
  readonly taken_by: string | null;
}

const MINUTE_MS = 60_000;

const BEGUN = `
  SELECT i.rowid AS row, i.installation_id, i.device_id, i.created_ms, i.rollout_id, r.state AS rollout_state,
         r.pace_json, r.retries, t.taken_by
  FROM installations i JOIN rollouts r USING (rollout_id)
  JOIN rollout_targets t ON t.rollout_id = i.rollout_id AND t.device_id = i.device_id
  WHERE i.rowid > ? ORDER BY i.rowid`;
const IN_FLIGHT = `
  SELECT count(*) FROM installations i JOIN devices d USING (device_id)
  JOIN rollout_targets t ON t.rollout_id = i.rollout_id AND t.device_id = i.device_id
  WHERE i.rollout_id = ? AND i.deadline_ms IS NOT NULL AND t.taken_by IS NULL AND d.revoked_ms IS NULL`;
const SUCCESSES = `SELECT count(*) FROM installations WHERE rollout_id = ? AND state = 'COMMITTED'`;
const STARTS = 'SELECT count(*) FROM installations WHERE rollout_id = ? AND created_ms > ?';
const ATTEMPTS = `
  SELECT count(*) AS attempts, sum(deadline_ms IS NOT NULL) AS open, sum(state = 'COMMITTED') AS done
  FROM installations WHERE rollout_id = ? AND device_id = ?`;
/** Only an installation of the same role stands in a place, and in a current one none of a rollout of shadows. */
const MISPLACED = `
  SELECT i.installation_id, i.role, d.role AS place FROM rollouts r
  CROSS JOIN installations i ON i.rollout_id = r.rollout_id
  CROSS JOIN desired_models d ON d.device_id = i.device_id AND d.installation_id = i.installation_id
  WHERE r.role = 'shadow' AND (d.role = 'current' OR i.role = 'current') LIMIT 1`;

export class RolloutChecker {
  private readonly server: SimServer;
  private lastRow = 0;

  constructor(server: SimServer) {
    this.server = server;
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
      this.checkOwner(begun);
      this.checkAttempts(begun);
      this.checkWindow(begun);
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

  private checkWindow({ installation_id, device_id, created_ms }: BegunRow): void {
    const labels = prepared(this.server.database.sqlite, 'SELECT key, value FROM labels WHERE device_id = ?').all(
      device_id,
    ) as { key: string; value: string }[];
    const { kind } = windowState(Object.fromEntries(labels.map(({ key, value }) => [key, value])), created_ms);
    if (kind === 'closed' || kind === 'unreadable')
      throw new Violation('pace', `${installation_id} began outside of the maintenance window of ${device_id}`);
  }

  private checkPace({ rollout_id, pace_json, created_ms }: BegunRow): void {
    const { maxInFlight = Infinity, startsPerMinute = Infinity, growth }: Pace = JSON.parse(pace_json);
    const grown = growth ? growth.factor ** Math.floor(this.one(SUCCESSES, rollout_id) / growth.after) : 1;
    const inFlight = this.one(IN_FLIGHT, rollout_id);
    if (inFlight > Math.floor(maxInFlight * grown))
      throw new Violation('pace', `${inFlight} devices of ${rollout_id} are in flight, its pace is ${pace_json}`);
    const rate = startsPerMinute * grown;
    const starts = this.one(STARTS, rollout_id, created_ms - MINUTE_MS / Math.min(1, rate));
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

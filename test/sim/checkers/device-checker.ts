// What must hold on a device, looked at where a commit has changed something and after every start.
import { type InstallationState, installationTable } from '../../../shared/installation.ts';
import { deadlineOf, isFinal, step } from '../../../shared/machine.ts';
import { FOLDER, type SimDevice } from '../device.ts';
import { wrongFile } from '../engines.ts';
import { prepared } from '../prepared.ts';
import type { MadeVersion } from '../versions.ts';
import { Violation } from '../violation.ts';

interface InstallationRow {
  readonly installation_id: string;
  readonly state: InstallationState;
  readonly since_ms: number;
  readonly reason: string | null;
}

interface PlaceRow {
  readonly installation_id: string;
  readonly place: string;
  readonly version_digest: string;
  readonly variant: string;
}

interface Known {
  states: Map<string, InstallationState>;
  /** When each came to its state in real time, and which start of the agent that was. */
  entered: Map<string, { readonly atMs: number; readonly boots: number }>;
  /** Those that have not ended. */
  open: Set<string>;
  generation: number;
}

/** The device judges its own deadlines; so long after them it must have. */
const SLACK_MS = 5 * 60_000;
/** What a device may believe, at each start, of a clock on the wall that was set while it did not run. */
const BELIEVED_MS = 3600_000;

export class DeviceChecker {
  private readonly known = new Map<SimDevice, Known>();
  private readonly versions: ReadonlyMap<string, MadeVersion>;

  /** @param versions by digest */
  constructor(versions: ReadonlyMap<string, MadeVersion>) {
    this.versions = versions;
  }

  /** After commits that changed `tables`. */
  check(device: SimDevice, tables: ReadonlySet<string>): void {
    if (tables.has('installations')) this.checkTransitions(device);
    if (tables.has('places')) this.checkPlaces(device);
    if (tables.has('desired')) this.checkGeneration(device);
  }

  /** After a power cut, and at the end: everything that was promised is still there. */
  checkAll(device: SimDevice): void {
    if (device.isSetUp) this.check(device, new Set(['installations', 'places', 'desired']));
  }

  /** The device begins anew on an empty disk. */
  forget(device: SimDevice): void {
    this.known.delete(device);
  }

  checkDeadlines(device: SimDevice): void {
    if (!device.isAlive || !device.process || this.of(device).open.size === 0) return;
    const nowMs = device.store?.lifetime.now() ?? 0;
    for (const { installation_id, state, since_ms } of installationsOf(device)) {
      const deadlineMs = deadlineOf(installationTable, state, since_ms);
      if (deadlineMs !== null && deadlineMs + SLACK_MS < nowMs)
        throw new Violation('deadlines', `${device.name}: ${installation_id} stands in ${state} past its deadline`);
    }
  }

  private checkTransitions(device: SimDevice): void {
    const { states, open } = this.of(device);
    const rows = installationsOf(device);
    for (const { installation_id, state, reason } of rows) {
      const before = states.get(installation_id);
      if (before === state) continue;
      states.set(installation_id, state);
      if (isFinal(installationTable, state)) open.delete(installation_id);
      else open.add(installation_id);
      if (before === undefined) {
        this.of(device).entered.set(installation_id, { atMs: device.nowMs, boots: device.boots });
        continue;
      }
      const walked = step(installationTable, before, state);
      if (walked.kind === 'illegal')
        throw new Violation('legal transitions', `${device.name}: ${installation_id}: ${walked.message}`);
      if (reason?.includes('"deadline_passed"')) this.checkNotEarly(device, installation_id, before);
      this.of(device).entered.set(installation_id, { atMs: device.nowMs, boots: device.boots });
    }
    if (states.size === rows.length) return;
    const present = new Set(rows.map(({ installation_id }) => installation_id));
    for (const [id, state] of states) {
      if (present.has(id)) continue;
      states.delete(id);
      open.delete(id);
      this.of(device).entered.delete(id);
      if (!isFinal(installationTable, state))
        throw new Violation('legal transitions', `${device.name}: ${id} was ${state} and is gone`);
    }
  }

  /** Whatever its clock on the wall does, a state lasts as long as it may. */
  private checkNotEarly(device: SimDevice, id: string, state: InstallationState): void {
    const entered = this.of(device).entered.get(id);
    if (!entered) return;
    const lastedMs = device.nowMs - entered.atMs;
    const believedMs = (device.boots - entered.boots) * BELIEVED_MS;
    if (lastedMs + believedMs + SLACK_MS < (installationTable[state].deadlineMs ?? 0))
      throw new Violation('deadlines', `${device.name}: ${id} was ended in ${state} after ${lastedMs} ms`);
  }

  private checkPlaces(device: SimDevice): void {
    const rows = prepared(device.database.sqlite, 'SELECT * FROM places').all() as PlaceRow[];
    const states = new Map(installationsOf(device).map((row) => [row.installation_id, row.state]));
    for (const { place, installation_id, version_digest, variant: name } of rows) {
      const state = states.get(installation_id);
      if (state !== undefined && state !== 'COMMITTED')
        throw new Violation('no mixture', `${device.name}: ${installation_id} is ${place} and stands in ${state}`);
      const made = this.versions.get(version_digest);
      const variant = made?.manifest.variants.find((one) => one.name === name);
      if (!made || !variant)
        throw new Violation('no mixture', `${device.name} runs ${version_digest}, which is no version`);
      const folder = `${FOLDER}/slots/${version_digest}-${name}`;
      const wrong = wrongFile({ versionDigest: version_digest, manifest: made.manifest, variant, folder }, device.disk);
      if (wrong)
        throw new Violation(
          'no mixture',
          `${device.name}: "${wrong}" of ${made.version}, which is ${place}, is not its bytes`,
        );
    }
  }

  private checkGeneration(device: SimDevice): void {
    const known = this.of(device);
    const row = prepared(device.database.sqlite, `SELECT state ->> 'generation' AS generation FROM desired`).get();
    const { generation } = (row ?? { generation: -1 }) as { generation: number };
    if (generation < known.generation)
      throw new Violation('generations grow', `${device.name} went from ${known.generation} to ${generation}`);
    known.generation = generation;
  }

  private of(device: SimDevice): Known {
    const known = this.known.get(device) ?? { states: new Map(), entered: new Map(), open: new Set(), generation: -1 };
    this.known.set(device, known);
    return known;
  }
}

const installationsOf = (device: SimDevice): InstallationRow[] =>
  prepared(
    device.database.sqlite,
    'SELECT installation_id, state, since_ms, reason FROM installations',
  ).all() as InstallationRow[];

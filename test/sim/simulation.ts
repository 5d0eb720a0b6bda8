// One simulated fleet from a seed: the same server and agent code in one process, under simulated time, network, disks and
// crashes, with checkers looking on after every step.
import { Readable } from 'node:stream';
import { publishVersion } from '../../server/actions/publish-version.ts';
import { receiveArtifact } from '../../server/actions/receive-artifact.ts';
import type { World } from '../../server/store/world.ts';
import { SimBroker } from './broker.ts';
import type { Bug } from './bugs.ts';
import { checkAcknowledged } from './checkers/acknowledgements.ts';
import { restless } from './checkers/convergence.ts';
import { DeviceChecker } from './checkers/device-checker.ts';
import { Restfulness } from './checkers/restfulness.ts';
import { RolloutChecker } from './checkers/rollout-checker.ts';
import { ServerChecker } from './checkers/server-checker.ts';
import { Faults } from './faults.ts';
import { Fleet, isLarge } from './fleet.ts';
import { Journal } from './journal.ts';
import { Operators } from './operators.ts';
import { Random } from './random.ts';
import { Schedule } from './schedule.ts';
import { SimServer } from './server.ts';
import { type Behaviour, type MadeVersion, makeVersion } from './versions.ts';
import { Violation } from './violation.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly devices: number;
  /** How long there are faults and operators. */
  readonly lastsMs: number;
  /** After the faults everything must have come to rest within this, counted from the last installation that was begun. */
  readonly restWithinMs?: number | undefined;
  readonly bug?: Bug | undefined;
  /** The operators give plain orders alone (see OperatorPlace). */
  readonly isPlain?: boolean | undefined;
  readonly trace?: ((line: string) => void) | undefined;
  readonly onProgress?: ((report: Pick<SimulationReport, 'simulatedMs' | 'steps' | 'faults'>) => void) | undefined;
}

export interface SimulationReport {
  readonly seed: number;
  readonly devices: number;
  readonly simulatedMs: number;
  readonly steps: number;
  readonly faults: number;
  readonly rollouts: number;
  /** Installations that were begun, and that were committed. */
  readonly installations: number;
  readonly committed: number;
  readonly violation: Violation | null;
  /** Of everything that happened. */
  readonly digest: string;
  /** The last things that happened, oldest first. */
  readonly last: readonly string[];
}

const HOUR_MS = 3600_000;
/** Beyond the two hours that a probe may take. */
const REST_WITHIN_MS = 6 * HOUR_MS;
const LOOK_EVERY_MS = 5 * 60_000;
const PROGRESS_STEPS = 20_000;
const BEHAVIOURS: readonly Behaviour[] = [
  ...(['good', 'good', 'mismatched', 'good', 'ugly', 'good', 'slow', 'crashing'] as const),
  ...(['unloadable', 'good', 'hanging', 'good'] as const),
];
/** Behaviours that came later than the seeds that are kept with plain orders. */
const LATER_BEHAVIOURS: readonly Behaviour[] = ['fussy', 'fussy'];
const OPERATOR_MEAN_MS = 40_000;
const OPERATOR_MEAN_OF_MANY_MS = 20 * 60_000;

export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const simulation = new Simulation(options);
  let violation: Violation | null = null;
  try {
    await simulation.run();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error;
  }
  return simulation.report(violation);
}

class Simulation {
  private readonly options: SimulationOptions;
  private readonly journal: Journal;
  private readonly schedule: Schedule;
  private readonly broker: SimBroker;
  private readonly server: SimServer;
  private readonly fleet: Fleet;
  private readonly faults: Faults;
  private readonly operators: Operators;
  private readonly deviceChecker: DeviceChecker;
  private readonly serverChecker: ServerChecker;
  private readonly rolloutChecker: RolloutChecker;
  private readonly restfulness = new Restfulness();
  private readonly versions: readonly MadeVersion[];
  private readonly random: Random;
  /** Tables that changed in the present step. */
  private readonly wroteServer = new Set<string>();
  private found: Error | null = null;

  constructor(options: SimulationOptions) {
    this.options = options;
    const { seed, bug = {} } = options;
    const random = new Random(seed);
    const embedded = random.fork('embedded').chance(0.5);
    this.random = random;
    const behaved = options.isPlain ? BEHAVIOURS : [...BEHAVIOURS, ...LATER_BEHAVIOURS];
    this.versions = behaved.map((behaviour, number) => makeVersion(number, behaviour));
    const behaviours = new Map(this.versions.map(({ version, behaviour }) => [version, behaviour]));
    const behaviourOf = (version: string) => behaviours.get(version) ?? 'good';
    this.journal = new Journal(options.trace ?? null);
    this.schedule = new Schedule(this.journal);
    const { schedule, journal } = this;
    this.broker = new SimBroker(schedule, random.fork('broker'));
    const { broker } = this;
    this.server = new SimServer({
      ...{ schedule, journal, random: random.fork('server'), broker, embedded, bugs: bug.server ?? {} },
      turnMs: 5 + options.devices / 2,
      wrote: (tables) => {
        for (const table of tables) this.wroteServer.add(table);
        this.caught(() => this.restfulness.committed(schedule.nowMs));
        this.caught(() => this.rolloutChecker.check(tables));
      },
    });
    const { server } = this;
    this.deviceChecker = new DeviceChecker(new Map(this.versions.map((made) => [made.versionDigest, made])));
    this.serverChecker = new ServerChecker(server, behaviourOf);
    this.rolloutChecker = new RolloutChecker(server, () => schedule.wallMs);
    this.fleet = new Fleet(
      {
        ...{ schedule, journal, broker, behaviourOf, bugs: bug.agent ?? {} },
        server: () => server.place(),
        // At each commit, not only after the step: within one step a device may commit several times.
        wrote: (device, tables) => {
          this.caught(() => this.deviceChecker.check(device, tables));
          if (tables.has('places')) this.caught(() => this.rolloutChecker.checkRuns(device));
        },
        acknowledged: (device, upTo) => this.caught(() => checkAcknowledged(server, device, upTo)),
        isKnown: (deviceId, secret) => server.isKnown(deviceId, secret),
      },
      random.fork('fleet'),
    );
    const { fleet, deviceChecker, serverChecker, rolloutChecker } = this;
    const place = { schedule, journal, broker, server, fleet };
    this.faults = new Faults({
      ...place,
      random: random.fork('faults'),
      embedded,
      deviceChecker,
      serverChecker,
      rolloutChecker,
      isPlain: options.isPlain ?? false,
    });
    this.operators = new Operators({
      ...{ ...place, random: random.fork('operators'), versions: this.versions, checker: serverChecker },
      asked: (weight) => this.restfulness.came(schedule.nowMs, weight),
      violated: (violation) => {
        this.found ??= violation;
      },
      isPlain: options.isPlain ?? false,
    });
    broker.onMessage = () => this.restfulness.came(schedule.nowMs);
  }

  async run(): Promise<void> {
    const { schedule, server, fleet } = this;
    server.boot();
    this.look();
    await this.steps(10_000);
    await this.prepare(server.world as World);
    this.faults.start();
    this.operators.start(isLarge(this.fleet.devices) ? OPERATOR_MEAN_OF_MANY_MS : OPERATOR_MEAN_MS * this.patience());
    await this.steps(schedule.nowMs + this.options.lastsMs);
    this.faults.stop();
    this.operators.goHome();
    const { restWithinMs = REST_WITHIN_MS } = this.options;
    await this.comeToRest(restWithinMs);
    for (const device of fleet.devices) this.deviceChecker.checkAll(device);
  }

  /** Where somebody orders something every minute, few rollouts live to see their last wave pass. */
  private patience(): number {
    return this.options.isPlain ? 1 : this.random.fork('patience').pick([1, 1, 4, 8]);
  }

  /** A succeeded rollout may still be trying late devices, one after the other: RolloutChecker holds how often. */
  private async comeToRest(withinMs: number): Promise<void> {
    const { schedule, server, fleet } = this;
    let sinceMs = schedule.nowMs;
    let begun = this.count('installations');
    let why: string | null = 'nobody looked';
    while (why !== null) {
      if (schedule.nowMs - sinceMs >= withinMs)
        throw new Violation('convergence', `${withinMs / HOUR_MS} hours after the last fault and installation ${why}`);
      await this.steps(schedule.nowMs + 60_000);
      why = restless(server, fleet.devices);
      if (this.count('installations') === begun) continue;
      begun = this.count('installations');
      sinceMs = schedule.nowMs;
    }
  }

  report(violation: Violation | null): SimulationReport {
    const { seed } = this.options;
    return {
      ...{ seed, violation, digest: this.journal.digest(), last: this.journal.last },
      ...this.progress(),
      rollouts: this.count('rollouts'),
      installations: this.count('installations'),
      committed: this.count(`installations WHERE state = 'COMMITTED'`),
      devices: this.fleet.devices.length,
    };
  }

  private count(rows: string): number {
    return this.server.database.sqlite.prepare(`SELECT count(*) FROM ${rows}`).pluck().get() as number;
  }

  private progress() {
    return {
      simulatedMs: this.schedule.nowMs,
      steps: this.schedule.steps,
      faults: this.faults.injected + this.broker.injected,
    };
  }

  private async steps(untilMs: number): Promise<void> {
    await this.schedule.run(untilMs, () => this.afterStep());
    if (this.found) throw this.found;
  }

  private afterStep(): boolean {
    if (this.wroteServer.size > 0) this.caught(() => this.serverChecker.check(this.wroteServer));
    this.wroteServer.clear();
    if (this.schedule.steps % PROGRESS_STEPS === 0) this.options.onProgress?.(this.progress());
    return this.found !== null;
  }

  /** What a checker finds within a step ends the run after it: code under test must not catch it. */
  private caught(check: () => void): void {
    try {
      check();
    } catch (error) {
      // Also one that is broken: within a step, code under test would take its error for one of its own.
      this.found ??= error as Error;
    }
  }

  /** Now and then: has a time passed that should not have? */
  private look(): void {
    this.schedule.after(LOOK_EVERY_MS, 'checkers look', () => {
      this.caught(() => {
        if (this.server.upSinceMs !== null && this.schedule.nowMs - this.server.upSinceMs > LOOK_EVERY_MS)
          this.serverChecker.checkDeadlines(this.schedule.wallMs);
        for (const device of this.fleet.devices) this.deviceChecker.checkDeadlines(device);
      });
      this.look();
    });
  }

  private async prepare(world: World): Promise<void> {
    this.restfulness.came(this.schedule.nowMs, this.options.devices + this.versions.length);
    for (const { contents, manifest } of this.versions) {
      for (const [sha256, bytes] of contents) await receiveArtifact(world, { sha256, stream: Readable.from([bytes]) });
      await publishVersion(world, { manifest, actor: 'simulation' });
    }
    for (let count = 0; count < this.options.devices; count++)
      await this.fleet.join(world, { clocksDiffer: this.random.fork('clocks').chance(0.5) });
  }
}

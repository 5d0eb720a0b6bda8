// The engines that stay loaded between pictures: one a version, started when first needed, started again after a crash,
// but not without end. It also knows every engine that the agent ever started, so that none outlives it.
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { plural } from '../shared/plural.ts';
import { type Engine, EngineFault, type EngineLauncher, type EngineSpec } from './engine/engine.ts';
import { PaintedSizes } from './painted-sizes.ts';
import { slotName, type VersionPlace } from './rules/kept-versions.ts';

/** Where crashes are remembered: store/crashes.ts. */
export interface CrashLedger {
  note(version: VersionPlace, message: string): void;
  quarantineOf(
    version: VersionPlace,
  ): { readonly untilMs: number; readonly crashes: number; readonly message: string } | null;
}

interface Resident {
  readonly loading: Promise<Engine>;
  readonly unwanted: AbortController;
  engine: Engine | null;
}

export class ResidentEngines {
  /** Starts engines that are counted here; for benches, which want one of their own. */
  readonly launcher: EngineLauncher;
  readonly painted = new PaintedSizes();
  private readonly residents = new Map<string, Resident>();
  private readonly alive = new Set<Engine>();
  private readonly clock: Clock;
  private readonly crashes: CrashLedger;
  private readonly onCrash: () => void;
  private readonly log: (line: string) => void;

  constructor(options: {
    readonly launcher: EngineLauncher;
    /** Threads of each engine; undefined leaves the choice to the launcher. */
    readonly threads?: number | undefined;
    /** As SessionOptions. */
    readonly streams?: number | undefined;
    readonly clock: Clock;
    readonly crashes: CrashLedger;
    /** A crash was noted, and waits to be written down. */
    readonly onCrash: () => void;
    /** Asked before each start: how the engine holds its parts. Throws EngineFault where it will not fit. */
    readonly plan?: (spec: EngineSpec) => Promise<{ readonly inTurn: boolean; readonly predictedPeakBytes: number }>;
    readonly log: (line: string) => void;
  }) {
    this.clock = options.clock;
    this.crashes = options.crashes;
    this.onCrash = options.onCrash;
    this.log = options.log;
    const { threads, streams } = options;
    const settings = { ...(threads !== undefined && { threads }), ...(streams !== undefined && { streams }) };
    this.launcher = {
      launch: async (spec, more) => {
        const plan = (await options.plan?.(spec)) ?? {};
        return this.watch(spec, () => options.launcher.launch(spec, { ...settings, ...plan, ...more }));
      },
    };
  }

  /** The version's engine, loaded now if it is not. @throws EngineFault */
  get(spec: EngineSpec): Promise<Engine> {
    const name = nameOf(spec);
    const present = this.residents.get(name);
    if (present) return present.loading;
    const quarantine = this.crashes.quarantineOf(placeOf(spec));
    if (quarantine) return Promise.reject(leftAlone(spec, quarantine, this.clock.now()));
    return this.start(name, spec);
  }

  isLoaded(spec: EngineSpec): boolean {
    return this.residents.has(nameOf(spec));
  }

  /** Has engines drop the forms that they keep of a second size. @returns whether there were any */
  async makeWay(): Promise<boolean> {
    const keeping = [...this.alive].filter((engine) => this.painted.keeps(engine));
    await Promise.all(
      keeping.map((engine) => {
        this.painted.madeWay(engine);
        return engine.makeWay();
      }),
    );
    return keeping.length > 0;
  }

  loaded(): Engine[] {
    return [...this.residents.values()].flatMap(({ engine }) => engine ?? []);
  }

  /** Closes the residents that `keep` does not name (names of slots); resolves when they are gone. */
  async keepOnly(keep: ReadonlySet<string>): Promise<void> {
    const gone = [...this.residents].filter(([name]) => !keep.has(name));
    await Promise.all(gone.map(([name, resident]) => this.close(name, resident)));
  }

  async release(spec: EngineSpec): Promise<void> {
    const resident = this.residents.get(nameOf(spec));
    if (resident) await this.close(nameOf(spec), resident);
  }

  /** Closes everything that was ever started and still lives. */
  async closeAll(): Promise<void> {
    await this.keepOnly(new Set());
    await Promise.all([...this.alive].map((engine) => engine.close()));
  }

  /** The hard end, for a second signal. */
  killAll(): void {
    for (const { pid } of this.alive) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended in this moment.
      }
    }
  }

  private start(name: string, spec: EngineSpec): Promise<Engine> {
    const unwanted = new AbortController();
    const loading = this.launcher.launch(spec, { signal: unwanted.signal });
    const resident: Resident = { loading, unwanted, engine: null };
    this.residents.set(name, resident);
    loading.then(
      (engine) => {
        resident.engine = engine;
        void engine.exited.then(() => this.forget(name, resident));
      },
      () => this.forget(name, resident),
    );
    return loading;
  }

  private async close(name: string, resident: Resident): Promise<void> {
    this.forget(name, resident);
    resident.unwanted.abort();
    const engine = await resident.loading.catch(() => null);
    await engine?.close();
  }

  private forget(name: string, resident: Resident): void {
    if (this.residents.get(name) === resident) this.residents.delete(name);
  }

  /** Counts the engine while it lives, and notes an end that nobody asked for, or a hang, in a bench and while loading too. */
  private async watch(spec: EngineSpec, launch: () => Promise<Engine>): Promise<Engine> {
    try {
      const engine = await launch();
      this.alive.add(engine);
      void engine.exited.then(({ expected, code, signal, killedFor }) => {
        this.alive.delete(engine);
        if (!expected)
          this.noteCrash(spec, killedFor ?? `it ended by itself: ${signal === null ? `exit code ${code}` : signal}`);
      });
      return engine;
    } catch (fault) {
      if (fault instanceof EngineFault && fault.code === 'killed') this.noteCrash(spec, messageOf(fault));
      throw fault;
    }
  }

  private noteCrash(spec: EngineSpec, message: string): void {
    this.log(`the engine of ${spec.manifest.model}@${spec.manifest.version} failed: ${message}`);
    this.crashes.note(placeOf(spec), message);
    this.onCrash();
  }
}

function leftAlone(
  { manifest }: EngineSpec,
  { crashes, untilMs, message }: { crashes: number; untilMs: number; message: string },
  nowMs: number,
) {
  const minutes = Math.ceil((untilMs - nowMs) / 60_000);
  return new EngineFault(
    'load_failed',
    `the engine of ${manifest.model}@${manifest.version} failed ${crashes} times in a short while, the last time because ${message}; it is left alone for ${plural(minutes, 'more minute')}, or until it is rolled out again`,
  );
}

const placeOf = ({ versionDigest, variant }: EngineSpec): VersionPlace => ({ versionDigest, variant: variant.name });
const nameOf = (spec: EngineSpec): string => slotName(placeOf(spec));

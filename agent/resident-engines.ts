// The engines that stay loaded between pictures: one a version, started when first needed, started again after a crash,
// but not without end. It also knows every engine that the agent ever started, so that none outlives it.
import type { Clock } from '../shared/clock.ts';
import { type Engine, EngineFault, type EngineLauncher, type EngineSpec } from './engine/engine.ts';
import { slotName } from './rules/kept-versions.ts';

const CRASHES = 3;
const CRASH_WINDOW_MS = 10 * 60_000;

interface Resident {
  readonly loading: Promise<Engine>;
  readonly unwanted: AbortController;
  engine: Engine | null;
}

export class ResidentEngines {
  /** Starts engines that are counted here; for benches, which want one of their own. */
  readonly launcher: EngineLauncher;
  private readonly residents = new Map<string, Resident>();
  private readonly crashesMs = new Map<string, number[]>();
  private readonly alive = new Set<Engine>();
  private readonly clock: Clock;
  private readonly log: (line: string) => void;

  constructor(options: {
    readonly launcher: EngineLauncher;
    /** Threads of each engine; undefined leaves the choice to the launcher. */
    readonly threads?: number | undefined;
    readonly clock: Clock;
    readonly log: (line: string) => void;
  }) {
    this.clock = options.clock;
    this.log = options.log;
    const threads = options.threads === undefined ? {} : { threads: options.threads };
    this.launcher = {
      launch: async (spec, more) => this.count(await options.launcher.launch(spec, { ...threads, ...more })),
    };
  }

  /** The version's engine, loaded now if it is not. @throws EngineFault */
  get(spec: EngineSpec): Promise<Engine> {
    const name = nameOf(spec);
    const present = this.residents.get(name);
    if (present) return present.loading;
    const recent = this.recentCrashes(name);
    if (recent.length >= CRASHES)
      return Promise.reject(
        new EngineFault(
          'load_failed',
          `the engine of ${spec.manifest.model}@${spec.manifest.version} ended by itself ${recent.length} times within ${CRASH_WINDOW_MS / 60_000} minutes; it is left alone for a while`,
        ),
      );
    return this.start(name, spec);
  }

  isLoaded(spec: EngineSpec): boolean {
    return this.residents.has(nameOf(spec));
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
        void engine.exited.then(({ expected }) => {
          this.forget(name, resident);
          if (!expected && !unwanted.signal.aborted) this.recordCrash(name, spec);
        });
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

  private count(engine: Engine): Engine {
    this.alive.add(engine);
    void engine.exited.then(() => this.alive.delete(engine));
    return engine;
  }

  private recordCrash(name: string, spec: EngineSpec): void {
    this.crashesMs.set(name, [...this.recentCrashes(name), this.clock.monotonic()]);
    this.log(`the engine of ${spec.manifest.model}@${spec.manifest.version} ended by itself`);
  }

  private recentCrashes(name: string): number[] {
    const sinceMs = this.clock.monotonic() - CRASH_WINDOW_MS;
    return (this.crashesMs.get(name) ?? []).filter((atMs) => atMs > sinceMs);
  }
}

const nameOf = ({ versionDigest, variant }: EngineSpec): string => slotName({ versionDigest, variant: variant.name });

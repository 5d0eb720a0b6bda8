// What one graph was compiled to, a form for each set of sizes. Each has weights of its own, laid out for its kernels, so those
// that only earlier pictures used make way before another one is compiled: the memory is that of one size.
import type { CompiledGraph } from './compiled-graph.ts';

/** Of one picture: guidance may read texts of two lengths, and tiles come in up to four sizes. */
const MOST_FORMS = 2;

export class CompiledForms {
  /** The one used last is at the end. */
  private readonly forms = new Map<string, CompiledGraph>();
  private readonly compile: (sizes: number[][]) => Promise<CompiledGraph>;
  private usedNow = new Set<string>();
  private last: Promise<unknown> = Promise.resolve();
  private waiting = abandonable();

  constructor(compile: (sizes: number[][]) => Promise<CompiledGraph>) {
    this.compile = compile;
  }

  /** Another picture begins. */
  begin(): void {
    this.usedNow = new Set();
  }

  /** @throws Error when it was not compiled yet and `cancel` was called meanwhile */
  async get(sizes: number[][]): Promise<CompiledGraph> {
    const key = sizes.join(';');
    this.usedNow.add(key);
    const known = this.forms.get(key);
    if (!known) return Promise.race([this.inLine(() => this.make(key, sizes)), this.waiting.promise]);
    this.forms.delete(key);
    this.forms.set(key, known);
    return known;
  }

  /** Work that needs the model itself, one after the other: nothing else may change it while it is compiled. */
  inLine<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work);
    this.last = done.catch(() => {});
    return done;
  }

  /** Breaks off what runs, and no longer waits for what is compiled, which goes on and is there for the next picture. */
  cancel(): void {
    for (const form of this.forms.values()) form.cancel();
    this.waiting.reject(new Error('the compilation was not waited for'));
    this.waiting = abandonable();
  }

  /** @param free what the forms were compiled from, once nothing compiles any more */
  close(free: () => void): Promise<void> {
    return this.inLine(async () => {
      for (const form of this.forms.values()) form.close();
      this.forms.clear();
      free();
    });
  }

  private async make(key: string, sizes: number[][]): Promise<CompiledGraph> {
    const known = this.forms.get(key);
    if (known) return known;
    this.makeWay();
    const made = await this.compile(sizes);
    this.forms.set(key, made);
    return made;
  }

  private makeWay(): void {
    const keys = [...this.forms.keys()];
    const used = keys.filter((key) => this.usedNow.has(key));
    const stay = new Set(used.slice(Math.max(0, used.length - MOST_FORMS + 1)));
    for (const key of keys.filter((each) => !stay.has(each))) {
      this.forms.get(key)?.close();
      this.forms.delete(key);
    }
  }
}

function abandonable() {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  return { promise, reject };
}

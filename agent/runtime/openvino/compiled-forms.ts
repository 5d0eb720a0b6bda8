// What one graph was compiled to, a form for each set of sizes. Each has weights of its own, laid out for its kernels, so those
// that only earlier pictures used make way before another one is compiled, unless the picture was said to have room for them.
import type { CompiledGraph } from './compiled-graph.ts';

/** Of one picture: guidance may read texts of two lengths, and tiles come in up to four sizes. Of pictures: the last two sizes. */
const MOST_FORMS = 2;

export class CompiledForms {
  /** The one used last is at the end. */
  private readonly forms = new Map<string, CompiledGraph>();
  private readonly compile: (sizes: number[][], streams: number) => Promise<CompiledGraph>;
  private usedNow = new Set<string>();
  private keepSizes = false;
  private last: Promise<unknown> = Promise.resolve();
  private waiting = abandonable();

  constructor(compile: (sizes: number[][], streams: number) => Promise<CompiledGraph>) {
    this.compile = compile;
  }

  /** Another picture begins. @param keepSizes whether the forms of another size may stay beside its own */
  begin(keepSizes: boolean): void {
    if (this.keepSizes && !keepSizes) this.makeWay();
    this.usedNow = new Set();
    this.keepSizes = keepSizes;
  }

  /** Closes what neither this picture nor the last one used; what this one still compiles takes the place of others. */
  makeWay(): void {
    this.keepSizes = false;
    this.keepOnly([...this.forms.keys()].filter((key, i, all) => this.usedNow.has(key) || i === all.length - 1));
  }

  /** @throws Error when it was not compiled yet and `cancel` was called meanwhile */
  async get(sizes: number[][], streams = 1): Promise<CompiledGraph> {
    const key = `${sizes.join(';')} ${streams}`;
    this.usedNow.add(key);
    const known = this.forms.get(key);
    if (!known) return Promise.race([this.inLine(() => this.make(key, sizes, streams)), this.waiting.promise]);
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

  private async make(key: string, sizes: number[][], streams: number): Promise<CompiledGraph> {
    const known = this.forms.get(key);
    if (known) return known;
    this.keepOnly(stayingForms([...this.forms.keys()], this.usedNow, this.keepSizes));
    const made = await this.compile(sizes, streams);
    this.forms.set(key, made);
    return made;
  }

  private keepOnly(stay: readonly string[]): void {
    for (const [key, form] of this.forms) {
      if (stay.includes(key)) continue;
      form.close();
      this.forms.delete(key);
    }
  }
}

/** @param keys by last use, the latest at the end @returns those that stay while another form is compiled */
function stayingForms(keys: readonly string[], usedNow: ReadonlySet<string>, keepSizes: boolean): string[] {
  const wanted = keys.filter((key) => keepSizes || usedNow.has(key));
  return wanted.slice(Math.max(0, wanted.length - MOST_FORMS + 1));
}

function abandonable() {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  return { promise, reject };
}

// Which sizes an engine painted: what its peak memory tells of them, and what it may still hold compiled.
import type { Engine } from './engine/engine.ts';
import { isSameSize, type PaintedSize } from './rules/keep-size.ts';

/** More would say nothing: two sizes are kept. */
const REMEMBERED = 8;

interface Painted {
  mostPixels: number;
  /** The last one at the end. */
  recent: readonly PaintedSize[];
  /** Holds forms of two sizes now. */
  keeps: boolean;
  /** Ever held them: the kernel's count of its peak memory never falls. */
  kept: boolean;
}

export class PaintedSizes {
  private readonly engines = new WeakMap<Engine, Painted>();

  /** @param usual what every engine was prepared for when it was loaded */
  recent(engine: Engine, usual: PaintedSize): readonly PaintedSize[] {
    const { recent } = this.of(engine);
    return recent.length > 0 ? recent : [usual];
  }

  /** A picture begins. */
  paints(
    engine: Engine,
    { recent, keeps }: { recent: readonly PaintedSize[]; keeps: boolean },
    size: PaintedSize,
  ): void {
    const painted = this.of(engine);
    painted.recent = [...recent.filter((one) => !isSameSize(one, size)), size].slice(-REMEMBERED);
    painted.keeps = keeps;
    painted.kept ||= keeps;
  }

  keeps(engine: Engine): boolean {
    return this.of(engine).keeps;
  }

  /** What only kept forms took is free again. */
  madeWay(engine: Engine): void {
    this.of(engine).keeps = false;
  }

  /**
   * Than the largest picture that the engine made before; `unknown` where its peak may be that of two sizes, of which none can be
   * told.
   */
  compare(engine: Engine, pixels: number): 'smaller' | 'equal' | 'larger' | 'unknown' {
    const painted = this.of(engine);
    if (painted.kept) return 'unknown';
    if (pixels <= painted.mostPixels) return pixels < painted.mostPixels ? 'smaller' : 'equal';
    painted.mostPixels = pixels;
    return 'larger';
  }

  private of(engine: Engine): Painted {
    const known = this.engines.get(engine) ?? { mostPixels: 0, recent: [], keeps: false, kept: false };
    this.engines.set(engine, known);
    return known;
  }
}

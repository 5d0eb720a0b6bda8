// Every random choice of a simulation comes from its seed, through streams that are named for what they decide: a new
// choice in one place leaves the choices of the others as they were.
import type { Randomness } from '../../shared/clock.ts';
import { mulberry32 } from '../../shared/statistics.ts';

export class Random implements Randomness {
  readonly uniform: () => number;
  private readonly seed: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.uniform = mulberry32(this.seed);
  }

  /** A stream of its own for what `name` says. */
  fork(name: string): Random {
    let hash = this.seed ^ 0x9e3779b9;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) + 0x7f4a7c15;
    return new Random(hash ^ (hash >>> 15));
  }

  /** A whole number, both ends included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.int(0, from.length - 1)] as T;
  }

  /** Mostly short, now and then long: exponential with this mean, at most 20 times it. */
  around(meanMs: number): number {
    return Math.round(Math.min(20, -Math.log(1 - this.uniform())) * meanMs);
  }

  /** Handed on as a bare function by some. */
  readonly bytes = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => Math.floor(this.uniform() * 256));
}

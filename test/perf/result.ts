// One figure of `npm run perf`: what was measured, against which goal, how widely it spread.
export interface PerfResult {
  /** Short and stable: `--only` takes it. */
  readonly name: string;
  /** The sentence that stands in the table. */
  readonly what: string;
  readonly value: number;
  readonly unit: 'ratio' | 'ms' | 'bytes' | 'devices';
  readonly goal: number;
  readonly goalIs: 'at most' | 'at least';
  /** Of the repeats in the same run; null where there is one only. In the unit of the value. */
  readonly spread: { readonly low: number; readonly high: number } | null;
  /** Both sides of a ratio, sizes, counts: what a reader needs to judge the figure. */
  readonly detail: string;
}

export const reached = ({ value, goal, goalIs }: PerfResult): boolean =>
  goalIs === 'at most' ? value <= goal : value >= goal;

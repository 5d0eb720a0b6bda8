// Milliseconds of each stage of one picture.

export interface StageClock {
  /** Ends the running stage and starts `stage`; staying in the same stage changes nothing. */
  enter(stage: string): void;
  /** Ends the last stage. */
  end(): Record<string, number>;
}

/** @param now monotonic milliseconds */
export function stageClock(now: () => number): StageClock {
  const stagesMs: Record<string, number> = {};
  let current: string | null = null;
  let sinceMs = 0;
  const close = (atMs: number) => {
    if (current !== null) stagesMs[current] = (stagesMs[current] ?? 0) + (atMs - sinceMs);
  };
  return {
    enter(stage) {
      if (stage === current) return;
      const atMs = now();
      close(atMs);
      current = stage;
      sinceMs = atMs;
    },
    end() {
      close(now());
      current = null;
      return stagesMs;
    },
  };
}

/** Milliseconds of each denoising step: from one reached step to the next. */
export function stepClock(now: () => number) {
  const stepsMs: number[] = [];
  let sinceMs = 0;
  return {
    stepsMs: stepsMs as readonly number[],
    reach({ stage, done }: { readonly stage: string; readonly done: number }): void {
      if (stage !== 'denoise') return;
      const atMs = now();
      if (done > 0) stepsMs.push(atMs - sinceMs);
      sinceMs = atMs;
    },
  };
}

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

// Time and randomness come in through these, so that the same code runs under a simulated clock.

export interface Clock {
  /** UTC milliseconds. */
  now(): number;
  /** Monotonic milliseconds, for durations only. */
  monotonic(): number;
  /** Runs `action` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, action: () => void): () => void;
}

export interface Randomness {
  /** Uniform in [0, 1). */
  uniform(): number;
  bytes(count: number): Uint8Array;
}

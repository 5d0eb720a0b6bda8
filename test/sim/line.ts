// The line between one device and the rest: how long things take, and whether it is cut.
import type { Random } from './random.ts';

export class SimLine {
  isCut = false;
  meanDelayMs = 5;
  /** Of messages that may be lost (QoS 0), each. */
  loss = 0;
  /** Of HTTP answers, each: breaks off, falls silent, has a wrong bit. */
  readonly http = { breaks: 0, stalls: 0, flips: 0 };
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  delayMs(): number {
    return 1 + this.random.around(this.meanDelayMs);
  }

  loses(): boolean {
    return this.random.chance(this.loss);
  }
}

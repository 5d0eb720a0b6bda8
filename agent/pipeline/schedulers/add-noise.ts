import { elementwise } from '../elementwise.ts';
import type { Shares } from './original-sample.ts';

/** Latents and noise in the shares of a noise level, rounded where torch rounds. */
export function addNoise(latents: Float32Array, noise: Float32Array, shares: Shares): Float32Array {
  return elementwise([latents, noise], ([clean, drawn], { plus, times }) =>
    plus(times(clean, shares.alpha), times(drawn, shares.sigma)),
  );
}

/** The shares at unit variance, from how much of the picture is left (`alphas_cumprod`), rounded where torch rounds. */
export function sharesOf(alphaCumprod: number): Shares {
  const { fround, sqrt } = Math;
  return { alpha: fround(sqrt(alphaCumprod)), sigma: fround(sqrt(fround(1 - alphaCumprod))) };
}

import type { Shares } from './original-sample.ts';

/** Latents and noise in the shares of a noise level, rounded where torch rounds. */
export function addNoise(latents: Float32Array, noise: Float32Array, shares: Shares): Float32Array {
  const { fround } = Math;
  const [ofLatents, ofNoise] = [fround(shares.alpha), fround(shares.sigma)];
  const mixed = new Float32Array(latents.length);
  for (let i = 0; i < mixed.length; i++)
    mixed[i] = fround(ofLatents * (latents[i] as number)) + fround(ofNoise * (noise[i] as number));
  return mixed;
}

/** The shares at unit variance, from how much of the picture is left (`alphas_cumprod`), rounded where torch rounds. */
export function sharesOf(alphaCumprod: number): Shares {
  const { fround, sqrt } = Math;
  return { alpha: fround(sqrt(alphaCumprod)), sigma: fround(sqrt(fround(1 - alphaCumprod))) };
}

import { mapValues } from '../map-values.ts';

/** Latents and noise in the shares of a noise level, rounded where torch rounds. */
export function addNoise(
  latents: Float32Array,
  noise: Float32Array,
  [kept, added]: readonly [number, number],
): Float32Array {
  const { fround } = Math;
  const [ofLatents, ofNoise] = [fround(kept), fround(added)];
  return mapValues(latents, (value, i) => fround(ofLatents * value) + fround(ofNoise * (noise[i] as number)));
}

/** The shares at unit variance, from how much of the picture is left (`alphas_cumprod`). */
export function sharesOf(alpha: number): readonly [number, number] {
  return [Math.sqrt(alpha), Math.sqrt(Math.fround(1 - alpha))];
}

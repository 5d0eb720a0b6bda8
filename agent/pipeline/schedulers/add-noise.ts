/** Latents and noise in the shares of a noise level, rounded where torch rounds. */
export function addNoise(
  latents: Float32Array,
  noise: Float32Array,
  [kept, added]: readonly [number, number],
): Float32Array {
  const { fround } = Math;
  const [ofLatents, ofNoise] = [fround(kept), fround(added)];
  const mixed = new Float32Array(latents.length);
  for (let i = 0; i < mixed.length; i++)
    mixed[i] = fround(ofLatents * (latents[i] as number)) + fround(ofNoise * (noise[i] as number));
  return mixed;
}

/** The shares at unit variance, from how much of the picture is left (`alphas_cumprod`). */
export function sharesOf(alpha: number): readonly [number, number] {
  return [Math.sqrt(alpha), Math.sqrt(Math.fround(1 - alpha))];
}

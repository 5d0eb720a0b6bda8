// How much of the picture is left at each step of training (Ho et al. 2020), rounded where torch rounds.
import { choiceOf, countOf, numberOf, refuse, type SchedulerConfig } from './settings.ts';

const UNSUPPORTED = ['trained_betas', 'thresholding'] as const;

/** Of `beta_schedule` (Nichol and Dhariwal 2021, formula 17). */
export const COSINE = 'squaredcos_cap_v2';
/** "Large" enough for a noise level of 4096 in the place of an infinite one, and a number of float16. */
const NEARLY_NOTHING = 2 ** -24;

/**
 * `alphas_cumprod` of diffusers: float32 [num_train_timesteps], falling.
 *
 * @param rescaled what `rescale_betas_zero_snr` (Lin et al. 2023, algorithm 1) makes of the last step, by class
 * @throws RangeError that names the setting
 */
export function alphasCumprod(config: SchedulerConfig, rescaled: 'to zero' | 'nearly to zero' | 'never'): Float32Array {
  refuse(config, UNSUPPORTED);
  const betas = betasOf(config);
  if (rescaled === 'never' || config.rescale_betas_zero_snr !== true) return products(betas);
  const alphas = products(withoutLastSignal(betas));
  if (rescaled === 'nearly to zero') alphas[alphas.length - 1] = NEARLY_NOTHING;
  return alphas;
}

function products(betas: Float32Array): Float32Array {
  let product = 1;
  return betas.map((beta) => {
    product *= Math.fround(1 - beta);
    return product;
  });
}

function betasOf(config: SchedulerConfig): Float32Array {
  const count = countOf(config, 'num_train_timesteps', 1000);
  const [start, end] = [numberOf(config, 'beta_start', 0.0001), numberOf(config, 'beta_end', 0.02)];
  if (start <= 0 || end >= 1 || start > end)
    throw new RangeError(
      `scheduler settings beta_start ${start}, beta_end ${end}: expected 0 < beta_start <= beta_end < 1`,
    );
  switch (choiceOf(config, 'beta_schedule', ['linear', 'scaled_linear', COSINE])) {
    case 'linear':
      return linspace(start, end, count);
    case 'scaled_linear':
      return linspace(Math.sqrt(start), Math.sqrt(end), count).map((root) => root * root);
    case COSINE: {
      const left = (share: number) => Math.cos((((share + 0.008) / 1.008) * Math.PI) / 2) ** 2;
      return Float32Array.from({ length: count }, (_, i) =>
        Math.min(1 - left((i + 1) / count) / left(i / count), 0.999),
      );
    }
  }
}

/** Betas after which nothing is left of the picture at the last step, and as much as before at the first. */
function withoutLastSignal(betas: Float32Array): Float32Array {
  const { fround } = Math;
  const roots = products(betas).map(Math.sqrt);
  const [first, last] = [roots[0] as number, roots[roots.length - 1] as number];
  const stretch = fround(first / fround(first - last));
  const left = roots.map((root) => {
    const signal = fround(fround(root - last) * stretch);
    return signal * signal;
  });
  return left.map((one, i) => 1 - (i === 0 ? one : fround(one / (left[i - 1] as number))));
}

/** Noise over picture at each step of training, float32: `sqrt((1 - a) / a)`. */
export function trainingSigmas(alphas: Float32Array): Float32Array {
  return alphas.map((alpha) => Math.sqrt(Math.fround(Math.fround(1 - alpha) / alpha)));
}

/** torch.linspace in float32: counted from both ends, so that both are met. */
function linspace(start: number, end: number, count: number): Float32Array {
  const [first, last] = [Math.fround(start), Math.fround(end)];
  const stride = count > 1 ? Math.fround(Math.fround(last - first) / (count - 1)) : 0;
  return Float32Array.from({ length: count }, (_, i) =>
    i < count / 2 ? first + stride * i : last - stride * (count - 1 - i),
  );
}

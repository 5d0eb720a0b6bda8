// How much of the picture is left at each step of training (Ho et al. 2020), rounded where torch rounds.
import { choiceOf, countOf, numberOf, refuse, type SchedulerConfig } from './settings.ts';

const UNSUPPORTED = ['trained_betas', 'rescale_betas_zero_snr', 'thresholding'] as const;

/** `alphas_cumprod` of diffusers: float32 [num_train_timesteps], falling. @throws RangeError that names the setting */
export function alphasCumprod(config: SchedulerConfig): Float32Array {
  refuse(config, UNSUPPORTED);
  const count = countOf(config, 'num_train_timesteps', 1000);
  const [start, end] = [numberOf(config, 'beta_start', 0.0001), numberOf(config, 'beta_end', 0.02)];
  if (start <= 0 || end >= 1 || start > end)
    throw new RangeError(
      `scheduler settings beta_start ${start}, beta_end ${end}: expected 0 < beta_start <= beta_end < 1`,
    );
  const scaled = choiceOf(config, 'beta_schedule', ['linear', 'scaled_linear']) === 'scaled_linear';
  const roots = scaled ? linspace(Math.sqrt(start), Math.sqrt(end), count) : linspace(start, end, count);
  let product = 1;
  return roots.map((root) => {
    const beta = scaled ? Math.fround(root * root) : root;
    product *= Math.fround(1 - beta);
    return product;
  });
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

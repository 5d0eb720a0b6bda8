// What a LoRA (Hu et al. 2021) changes: which module's weight gets which product of two narrow matrices added. Read are the
// names of peft and diffusers (`unet.….lora_A.weight`) and of kohya's scripts (`lora_unet_….lora_down.weight`).
import type { Safetensors, Weights } from './read-safetensors.ts';

export interface Change {
  /** The component's folder; `denoiser` is the unet or the transformer. */
  readonly part: 'denoiser' | 'text_encoder' | 'text_encoder_2';
  /** Its path within the part, all parts of it joined by `_`, as far as all formats agree. */
  readonly module: string;
  /** [rank, inputs, …] */
  readonly down: Weights;
  /** [outputs, rank, …] */
  readonly up: Weights;
  /** What the product is multiplied with. */
  readonly scale: number;
}

const FACTOR = /^(.+?)[._](?:lora_linear_layer\.|lora\.|lora_)(A|down|B|up)(?:\.default)?\.weight$/;
const PARTS: readonly (readonly [RegExp, Change['part']])[] = [
  [/^(?:unet|transformer)\.|^lora_(?:unet|transformer)_/, 'denoiser'],
  [/^text_encoder\.|^lora_te1?_/, 'text_encoder'],
  [/^text_encoder_2\.|^lora_te2_/, 'text_encoder_2'],
];
const METADATA = 'lora_adapter_metadata';

/** @throws RangeError that names the tensor that is none of a LoRA */
export function changesOf({ tensors, metadata }: Safetensors): Change[] {
  const settings = settingsOf(metadata);
  const factors = new Map<string, { down?: Weights; up?: Weights }>();
  const alphas = new Map<string, number>();
  for (const [name, weights] of tensors) {
    const [, base, which] = FACTOR.exec(name) ?? [];
    if (base && which) {
      const pair = factors.get(base) ?? {};
      pair[which === 'A' || which === 'down' ? 'down' : 'up'] = weights;
      factors.set(base, pair);
    } else if (name.endsWith('.alpha')) alphas.set(name.slice(0, -'.alpha'.length), weights.values[0] as number);
    else throw new RangeError(`"${name}" is no part of a plain LoRA, which is all that is merged`);
  }
  if (factors.size === 0) throw new RangeError('this file holds no LoRA');
  return [...factors].map(([base, { down, up }]) => {
    if (!down || !up) throw new RangeError(`"${base}" has only one of its two matrices`);
    const place = placeOf(base);
    const rank = down.dims[0] as number;
    const alpha = alphas.get(base) ?? settings(base.split('.')[0] as string) ?? rank;
    return { ...place, down, up, scale: alpha / rank };
  });
}

function placeOf(base: string): Pick<Change, 'part' | 'module'> {
  const [prefix, part] = PARTS.find(([each]) => each.test(base)) ?? [];
  if (!prefix || !part) throw new RangeError(`"${base}" names no part of a pipeline that is known`);
  const old = base.includes('.processor.');
  const path = base.replace(prefix, '').replace('.processor', '');
  return { part, module: moduleKey(old ? path.replace(/to_out$/, 'to_out.0') : path) };
}

/** One spelling of a module's path: exporters and trainers wrap networks in more or fewer others. */
export const moduleKey = (path: string): string =>
  path.replace(/[./]+/g, '_').replace(/^_?(?:network_)?(?:unet_|transformer_(?!blocks))?(?:(?:text_)?model_)?/, '');

/** The part's alpha as diffusers keeps it beside the weights. */
function settingsOf(metadata: Readonly<Record<string, string>>): (part: string) => number | undefined {
  const text = metadata[METADATA];
  if (text === undefined) return () => undefined;
  let settings: Record<string, unknown>;
  try {
    settings = JSON.parse(text);
  } catch {
    throw new RangeError(`${METADATA} cannot be read`);
  }
  for (const [name, value] of Object.entries(settings)) {
    const unknown = /\.(?:use_dora|use_rslora)$/.test(name) ? value === true : false;
    const patterned = /\.alpha_pattern$/.test(name) && Object.keys((value ?? {}) as object).length > 0;
    if (unknown || patterned) throw new RangeError(`${METADATA}: ${name} is set, which is not merged`);
  }
  return (part) => {
    const alpha = settings[`${part}.lora_alpha`];
    return typeof alpha === 'number' ? alpha : undefined;
  };
}

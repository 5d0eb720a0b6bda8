// SDXL's adapters name the blocks of the UNet as its first authors counted them; diffusers counts them by level.

const INSIDE: Readonly<Record<string, string>> = {
  in_layers_2: 'conv1',
  emb_layers_1: 'time_emb_proj',
  out_layers_3: 'conv2',
  skip_connection: 'conv_shortcut',
};
/** By the place within a block. */
const KINDS = ['resnets', 'attentions', 'upsamplers'];

/** @param module a path joined by `_` @returns diffusers' path; others as they are */
export function fromSgm(module: string, layersPerBlock: number): string {
  const [, name, first = '', second = '', rest = ''] =
    /^(input_blocks|output_blocks)_(\d+)_(\d+)_(.+)$/.exec(module) ?? [];
  if (name) {
    const input = name === 'input_blocks';
    const index = Number(first) - (input ? 1 : 0);
    const [block, layer] = [Math.floor(index / (layersPerBlock + 1)), index % (layersPerBlock + 1)];
    const level = `${input ? 'down' : 'up'}_blocks_${block}`;
    if (input && rest === 'op') return `${level}_downsamplers_0_conv`;
    if (!input && rest === 'conv') return `${level}_upsamplers_0_conv`;
    return `${level}_${KINDS[Number(second)]}_${layer}_${INSIDE[rest] ?? rest}`;
  }
  const [, middle, inner = ''] = /^middle_block_([012])_(.+)$/.exec(module) ?? [];
  if (!middle) return module;
  const kind = middle === '1' ? 'attentions_0' : `resnets_${middle === '0' ? 0 : 1}`;
  return `mid_block_${kind}_${INSIDE[inner] ?? inner}`;
}

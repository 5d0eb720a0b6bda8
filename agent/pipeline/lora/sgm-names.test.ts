import { expect, test } from 'vitest';
import { fromSgm } from './sgm-names.ts';

// SDXL has two layers a block.
test.each([
  ['input_blocks_4_1_transformer_blocks_0_attn1_to_q', 'down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q'],
  ['input_blocks_8_1_proj_in', 'down_blocks_2_attentions_1_proj_in'],
  ['input_blocks_5_0_in_layers_2', 'down_blocks_1_resnets_1_conv1'],
  ['input_blocks_3_0_op', 'down_blocks_0_downsamplers_0_conv'],
  ['middle_block_1_proj_out', 'mid_block_attentions_0_proj_out'],
  ['middle_block_2_out_layers_3', 'mid_block_resnets_1_conv2'],
  ['output_blocks_5_1_proj_in', 'up_blocks_1_attentions_2_proj_in'],
  ['output_blocks_2_2_conv', 'up_blocks_0_upsamplers_0_conv'],
  ['down_blocks_1_attentions_0_proj_in', 'down_blocks_1_attentions_0_proj_in'],
])('%s is %s', (sgm, diffusers) => expect(fromSgm(sgm, 2)).toBe(diffusers));

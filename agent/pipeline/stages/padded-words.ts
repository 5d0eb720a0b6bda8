// Z-Image as optimum-intel exports it: words and patches come filled up to a multiple, beside what tells them from the filling and
// where each of them lies. The toolkit's graph does the same within itself.
import type { Tensor } from '../../runtime/runtime.ts';
import { type Float32Tensor, float32 } from './tensors.ts';

/** The reference's `SEQ_MULTI_OF`. */
const MULTIPLE = 32;
/** torch.finfo(torch.float32).min, which softmax turns into nothing. */
const HIDDEN = -3.4028234663852886e38;
/** Of time, row and column. */
const AXES = 3;

/** Inputs of such a graph beyond those of the toolkit's. */
export const PLACE_INPUTS = ['encoder_attention_mask', 'txt_ids', 'img_ids'] as const;

/**
 * @param words float32 [1, words, width]
 * @param patches of the picture
 */
export function paddedWords(words: Float32Tensor, patches: { readonly rows: number; readonly columns: number }) {
  const [, used = 0, width = 0] = words.dims;
  const length = filledUp(used);
  const padded = new Float32Array(length * width);
  padded.set(words.data);
  const mask = new Float32Array(length).fill(HIDDEN).fill(0, 0, used);
  const count = patches.rows * patches.columns;
  const [text, picture] = [new Int32Array(AXES * length), new Int32Array(AXES * filledUp(count))];
  // Words are counted from 1, the filling among them; the picture's time is the next.
  for (let word = 0; word < length; word++) text[AXES * word] = word + 1;
  for (let patch = 0; patch < count; patch++)
    picture.set([length + 1, Math.floor(patch / patches.columns), patch % patches.columns], AXES * patch);
  return {
    encoder_hidden_states: float32(padded, [1, length, width]),
    encoder_attention_mask: float32(mask, [1, length]),
    txt_ids: { type: 'int32', dims: [1, length, AXES], data: text },
    img_ids: { type: 'int32', dims: [1, filledUp(count), AXES], data: picture },
  } satisfies Record<string, Tensor>;
}

const filledUp = (count: number): number => Math.ceil(count / MULTIPLE) * MULTIPLE;

import { expect, it } from 'vitest';
import { paddedWords } from './padded-words.ts';
import { float32 } from './tensors.ts';

it('fills words and patches up to 32, and tells where each lies', () => {
  const words = float32(
    Float32Array.from({ length: 33 * 2 }, (_, i) => i + 1),
    [1, 33, 2],
  );
  const padded = paddedWords(words, { rows: 2, columns: 3 });
  expect(padded.encoder_hidden_states.dims).toEqual([1, 64, 2]);
  expect(Array.from(padded.encoder_hidden_states.data.slice(64, 68))).toEqual([65, 66, 0, 0]);
  const mask = Array.from(padded.encoder_attention_mask.data);
  expect([mask.indexOf(mask.at(-1) as number), mask.slice(0, 33).every((value) => value === 0)]).toEqual([33, true]);
  expect(Array.from(padded.txt_ids.data.slice(0, 6))).toEqual([1, 0, 0, 2, 0, 0]);
  expect(Array.from(padded.txt_ids.data.slice(-3))).toEqual([64, 0, 0]);
  expect(padded.img_ids.dims).toEqual([1, 32, 3]);
  expect(Array.from(padded.img_ids.data.slice(0, 21))).toEqual(
    [
      [65, 0, 0],
      [65, 0, 1],
      [65, 0, 2],
      [65, 1, 0],
      [65, 1, 1],
      [65, 1, 2],
      [0, 0, 0],
    ].flat(),
  );
});

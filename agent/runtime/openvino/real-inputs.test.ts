import { expect, it } from 'vitest';
import { withRealInputs } from './real-inputs.ts';

const input = (name: string, type: string) =>
  `<layer id="1" name="${name}" type="Parameter" version="opset1">\n<data shape="?" element_type="${type}" />\n</layer>`;
const constant = '<layer id="2" name="timestep" type="Const"><data element_type="i64" shape="1" /></layer>';

it('lets the named inputs take fractions, and nothing else', () => {
  const xml = input('input_ids', 'i64') + input('timestep', 'i64') + constant;
  expect(withRealInputs(xml, ['timestep'])).toBe(input('input_ids', 'i64') + input('timestep', 'f32') + constant);
  expect(withRealInputs(input('timestep', 'i32'), ['timestep'])).toBe(input('timestep', 'f32'));
});

it('says so where there is nothing to change', () => {
  expect(withRealInputs(input('timestep', 'f32') + constant, ['timestep'])).toBe(null);
  expect(withRealInputs(input('input_ids', 'i64'), ['timestep'])).toBe(null);
});

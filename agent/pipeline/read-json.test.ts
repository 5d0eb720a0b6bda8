import { describe, expect, it } from 'vitest';
import { parseObject } from './read-json.ts';

describe('parseObject', () => {
  it('reads what Python writes for numbers that JSON has none for, as text', () => {
    const text = '{"lambda_min_clipped": -Infinity, "a": NaN, "b": {"c":Infinity}}';
    expect(parseObject(text, 'f')).toEqual({ lambda_min_clipped: '-Infinity', a: 'NaN', b: { c: 'Infinity' } });
  });

  it('leaves such words in texts alone', () =>
    expect(parseObject('{"note": "x: NaN, y"}', 'f')).toEqual({ note: 'x: NaN, y' }));

  it.each(['{"a": -}', '{"a": Nan}', '', '[1]', '{"a": 1'])('refuses %j by the name of its file', (text) =>
    expect(() => parseObject(text, 'scheduler_config.json')).toThrow(/^scheduler_config\.json: /),
  );
});

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

  it.each([
    [Buffer.from('\uFEFF{"a": 1}'), 'f: begins with a byte order mark; save it as UTF-8 without one'],
    [Buffer.from('{"a": 1}', 'utf16le'), 'f: is no text in UTF-8; save it as such'],
    [Buffer.from('{"a": "\xfc"}', 'latin1'), null],
    [Buffer.from('{"a": \xfc}', 'latin1'), 'f: is no text in UTF-8; save it as such'],
    [Buffer.from('{\n"a" 1}'), /^f: [^\n]*$/],
  ])('says in words what is wrong with %j', (bytes, says) => {
    const read = () => parseObject(bytes.toString('utf8'), 'f');
    if (says === null) expect(read()).toEqual({ a: '\uFFFD' });
    else expect(read).toThrow(says);
  });
});

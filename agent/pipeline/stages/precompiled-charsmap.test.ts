import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { precompiledCharsmap } from './precompiled-charsmap.ts';

const file = new URL('../../../test/golden/charsmap.json', import.meta.url);
const { charsmap, texts }: { charsmap: string; texts: [string, string][] } = JSON.parse(readFileSync(file, 'utf8'));

describe('precompiledCharsmap', () => {
  it.each(texts)('makes of %j what tokenizers makes of it: %j', (text, wanted) =>
    expect(precompiledCharsmap(charsmap)(text)).toBe(wanted),
  );

  it.each(['', 'AAAA', 'wAAAAA==', '////////'])('refuses %j', (damaged) =>
    expect(() => precompiledCharsmap(damaged)).toThrow('no map of characters'),
  );

  it('ends on a map whose units lead anywhere', () => {
    const wild = Buffer.alloc(4 + 64, 0xff);
    wild.writeUInt32LE(64, 0);
    expect(precompiledCharsmap(wild.toString('base64'))('a fox')).toBe('a fox');
  });
});

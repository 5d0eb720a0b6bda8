import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../../shared/limits.ts';
import { mostBytesOfForm } from './describe-form.ts';
import { FormCache } from './form-cache.ts';

let folder = '';
let log: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stillhouse-forms-'));
  log = [];
  writeFileSync(join(folder, 'graph.xml'), '<net/>');
  writeFileSync(join(folder, 'graph.bin'), 'weights');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const kept = () => join(folder, 'compiled');
const cache = () => new FormCache(kept(), (line) => log.push(line));
const form = (side = 8, more: { runtimeVersion?: string; properties?: Record<string, string> } = {}) => ({
  ...{ graphPath: join(folder, 'graph.xml'), weightsPath: join(folder, 'graph.bin'), sizes: [[1, side]] },
  ...{ runtimeVersion: '2026.4.1', properties: { INFERENCE_PRECISION_HINT: 'f32' }, ...more },
});

/** As OpenVINO does: takes what is there, else writes it. */
function compile(from: FormCache, which = form(), bytes = 100): 'loaded' | 'compiled' | 'without' {
  const cached = from.open(which);
  if (!cached) return 'without';
  const blob = join(cached.properties.CACHE_DIR ?? '', '1.blob');
  const how = readdirSync(join(blob, '..')).includes('1.blob') ? 'loaded' : 'compiled';
  if (how === 'compiled') {
    writeFileSync(blob, 'form');
    truncateSync(blob, bytes);
  }
  cached.done(how);
  return how;
}

const entry = () => join(kept(), readdirSync(kept())[0] ?? '');

describe('a compiled form', () => {
  it('is there for the next engine', () => {
    expect(compile(cache())).toBe('compiled');
    expect(compile(cache())).toBe('loaded');
    expect(log).toEqual([]);
  });

  it.each<[string, () => ReturnType<typeof form>]>([
    ['of another size', () => form(16)],
    ['of another OpenVINO', () => form(8, { runtimeVersion: '2026.4.2' })],
    ['of another precision', () => form(8, { properties: { INFERENCE_PRECISION_HINT: 'bf16' } })],
    [
      'of another graph',
      () => {
        writeFileSync(join(folder, 'graph.xml'), '<net />');
        return form();
      },
    ],
    [
      'of weights that were written again, whatever time they show',
      () => {
        writeFileSync(join(folder, 'graph.bin'), 'weighty');
        utimesSync(join(folder, 'graph.bin'), 1, 1);
        return form();
      },
    ],
  ])('is another one %s', (_, other) => {
    utimesSync(join(folder, 'graph.bin'), 1, 1);
    expect(compile(cache())).toBe('compiled');
    expect(compile(cache(), other())).toBe('compiled');
  });

  it.each<[string, (entry: string) => void]>([
    ['other bytes', (at) => writeFileSync(join(at, '1.blob'), 'fork')],
    ['its end cut off', (at) => truncateSync(join(at, '1.blob'), 50)],
    ['nothing in it', (at) => truncateSync(join(at, '1.blob'), 0)],
    ['no file', (at) => rmSync(join(at, '1.blob'))],
    ['no digest', (at) => rmSync(join(at, 'sha256'))],
    ['a digest cut short', (at) => truncateSync(join(at, 'sha256'), 3)],
  ])('with %s is compiled anew', (_, damage) => {
    compile(cache());
    damage(entry());
    expect(compile(cache())).toBe('compiled');
    expect(compile(cache())).toBe('loaded');
  });

  it('that OpenVINO would not have goes, and so does one whose compilation failed', () => {
    compile(cache());
    cache().open(form())?.done('compiled');
    expect(readdirSync(kept())).toEqual([]);
    cache().open(form())?.done('failed');
    expect(readdirSync(kept())).toEqual([]);
  });
});

describe('the folder of compiled forms', () => {
  it('holds so many, and forgets those that were not used for longest', () => {
    const filled = cache();
    for (let side = 1; side <= limits.compiledFormsPerVersion; side++) {
      compile(filled, form(side));
      for (const name of readdirSync(kept())) utimesSync(join(kept(), name), side, side);
    }
    compile(filled, form(1));
    compile(filled, form(1000));
    expect(readdirSync(kept())).toHaveLength(limits.compiledFormsPerVersion);
    expect(compile(filled, form(1))).toBe('loaded');
  });

  it('holds so many bytes', () => {
    const half = limits.compiledBytesPerVersion / 2;
    for (const side of [1, 2]) compile(cache(), form(side), half);
    expect(readdirSync(kept())).toHaveLength(2);
    compile(cache(), form(3), half);
    expect(readdirSync(kept())).toHaveLength(2);
  });

  it('does not take one that is too large a second time', () => {
    expect(compile(cache(), form(), limits.compiledBytesPerVersion + 1)).toBe('compiled');
    expect(compile(cache())).toBe('without');
    expect(readdirSync(entry())).toEqual(['sha256']);
  });

  it('loses what a process left that was killed while it wrote', () => {
    mkdirSync(join(kept(), `.new-${2 ** 22 + 1}-abc`), { recursive: true });
    mkdirSync(join(kept(), `.new-${process.pid}-def`));
    cache();
    expect(readdirSync(kept())).toEqual([`.new-${process.pid}-def`]);
  });

  it('is told of once and not used where nothing can be written', () => {
    writeFileSync(kept(), 'a file');
    const broken = cache();
    expect(compile(broken)).toBe('without');
    expect(compile(broken)).toBe('without');
    expect(log).toEqual([expect.stringContaining('compiled forms are not kept')]);
  });

  it('reckons with narrow weights that are widened into the form', () => {
    const data = (type: string, size: number) => `<data element_type="${type}" shape="1" offset="0" size="${size}" />`;
    const most = (xml: string) => mostBytesOfForm(Buffer.from(xml));
    expect(most(data('f16', 1e9))).toBeLessThan(limits.compiledBytesPerVersion);
    expect(most(data('i8', 1e8))).toBeGreaterThan(4e8);
    expect(most(data('u4', 1e8))).toBeGreaterThan(8e8);
  });
});

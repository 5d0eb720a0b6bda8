import { describe, expect, it } from 'vitest';
import { CompiledForms } from './compiled-forms.ts';
import type { CompiledGraph } from './compiled-graph.ts';

/** Notes what is compiled and closed; each compilation ends when the test says so, unless `ends` is left true. */
function recorded(ends = true) {
  const log: string[] = [];
  const open: { end: () => void; fail: () => void }[] = [];
  const forms = new CompiledForms(async (sizes) => {
    const name = `${sizes}`;
    log.push(`compile ${name}`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    open.push({ end: resolve, fail: () => reject(new Error('no such operator')) });
    if (ends) resolve();
    await promise;
    const graph = { cancel: () => log.push(`cancel ${name}`), close: () => log.push(`close ${name}`) };
    return graph as unknown as CompiledGraph;
  });
  return { forms, log, open };
}

const [A, B, C] = [[[1]], [[2]], [[3]]];

describe('forms of a graph', () => {
  it('are compiled once, and make way for the sizes of a later picture', async () => {
    const { forms, log } = recorded();
    forms.begin(false);
    expect(await forms.get(A)).toBe(await forms.get(A));
    forms.begin(false);
    await forms.get(A);
    forms.begin(false);
    await forms.get(B);
    expect(log).toEqual(['compile 1', 'close 1', 'compile 2']);
  });

  it('stay beside each other within a picture, two of them', async () => {
    const { forms, log } = recorded();
    forms.begin(false);
    for (const sizes of [A, B, A, B, A]) await forms.get(sizes);
    expect(log).toEqual(['compile 1', 'compile 2']);
    await forms.get(C);
    expect(log.slice(2)).toEqual(['close 2', 'compile 3']);
  });

  it('of the size before stay where a picture has room for them, and no third ones', async () => {
    const { forms, log } = recorded();
    for (const sizes of [A, B, A, B]) {
      forms.begin(true);
      await forms.get(sizes);
    }
    expect(log).toEqual(['compile 1', 'compile 2']);
    forms.begin(true);
    await forms.get(C);
    expect(log.slice(2)).toEqual(['close 1', 'compile 3']);
  });

  it('of the size before go before a picture without room for them begins, and when they are asked to', async () => {
    const { forms, log } = recorded();
    for (const sizes of [A, B]) {
      forms.begin(true);
      await forms.get(sizes);
    }
    forms.begin(false);
    expect(log.slice(2)).toEqual(['close 1']);
    await forms.get(B);
    forms.begin(true);
    await forms.get(A);
    forms.makeWay();
    expect(log.slice(3)).toEqual(['compile 1', 'close 2']);
    await forms.get(B);
    forms.begin(true);
    forms.makeWay();
    await forms.get(C);
    expect(log.slice(5)).toEqual(['compile 2', 'close 1', 'close 2', 'compile 3']);
  });

  it('of two lengths of text stay from picture to picture', async () => {
    const { forms, log } = recorded();
    for (let picture = 0; picture < 3; picture++) {
      forms.begin(false);
      await forms.get(A);
      await forms.get(B);
    }
    expect(log).toEqual(['compile 1', 'compile 2']);
  });

  it('are compiled one after the other, and freed when nothing compiles any more', async () => {
    const { forms, log, open } = recorded(false);
    const both = Promise.all([forms.get(A), forms.get(B)]);
    await new Promise(setImmediate);
    expect(log).toEqual(['compile 1']);
    open[0]?.end();
    await new Promise(setImmediate);
    const closed = forms.close(() => log.push('free'));
    open[1]?.end();
    await both;
    await closed;
    expect(log).toEqual(['compile 1', 'compile 2', 'close 1', 'close 2', 'free']);
  });
});

describe('a cancel', () => {
  it('waits for no compilation, which goes on and is there for the next picture', async () => {
    const { forms, log, open } = recorded(false);
    const first = forms.get(A);
    await new Promise(setImmediate);
    forms.cancel();
    await expect(first).rejects.toThrow('not waited for');
    forms.begin(false);
    const next = forms.get(A);
    open[0]?.end();
    await next;
    expect(log).toEqual(['compile 1']);
    forms.cancel();
    expect(log.at(-1)).toBe('cancel 1');
  });

  it('does not hide that a compilation failed from whoever needs it next', async () => {
    const { forms, log, open } = recorded(false);
    const first = forms.get(A);
    await new Promise(setImmediate);
    forms.cancel();
    await expect(first).rejects.toThrow('not waited for');
    open[0]?.fail();
    const next = forms.get(A);
    await new Promise(setImmediate);
    open[1]?.fail();
    await expect(next).rejects.toThrow('no such operator');
    expect(log).toEqual(['compile 1', 'compile 1']);
  });
});

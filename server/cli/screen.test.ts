import { expect, test } from 'vitest';
import { cut, Screen } from './screen.ts';

function sink(isTTY = false) {
  let text = '';
  return { isTTY, columns: 20, write: (more: string) => (text += more), text: () => text };
}

test('with --json standard output holds the JSON alone', () => {
  const [out, err] = [sink(), sink()];
  const screen = new Screen(true, out, err);
  screen.line('on the way');
  screen.result({ devices: [] }, 'No devices.');
  expect(JSON.parse(out.text())).toEqual({ devices: [] });
  expect(err.text()).toBe('on the way\n');
});

test('without, all of it is text', () => {
  const [out, err] = [sink(), sink()];
  const screen = new Screen(false, out, err);
  screen.line('on the way');
  screen.indented('  ').line('two\nlines');
  screen.draw(['never seen on a pipe']);
  screen.result({}, 'No devices.');
  expect(out.text()).toBe('on the way\n  two\n  lines\nNo devices.\n');
  expect(err.text()).toBe('');
});

test('what was drawn is taken back before the next text', () => {
  const out = sink(true);
  const screen = new Screen(false, out, sink());
  screen.draw(['a', 'b']);
  screen.line('done');
  expect(out.text()).toBe('a\nb\n\u001b[2A\u001b[0Jdone\n');
});

test('a line is cut by what is visible, and its colour ends', () => {
  expect(cut('short', 10)).toBe('short');
  expect(cut('\u001b[31mshort\u001b[39m', 5)).toBe('\u001b[31mshort\u001b[39m');
  expect(cut('\u001b[31mmuch too long\u001b[39m', 6)).toBe('\u001b[31mmuch \u001b[39m…\u001b[0m');
});

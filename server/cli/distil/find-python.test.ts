import { expect, test } from 'vitest';
import { findPython } from './find-python.ts';

const machine = (versions: Record<string, string>) => (name: string) => versions[name];

test('takes the first that is new enough', () => {
  expect(findPython(machine({ python3: 'Python 3.13.1\n' }))).toBe('python3');
  expect(findPython(machine({ python3: 'Python 3.9.2', 'python3.12': 'Python 3.12.0' }))).toBe('python3.12');
});

test.each([
  [{}, /needs Python 3\.11 or newer, and none was found$/],
  [{ python3: 'Python 3.10.9\n', python: 'Python 2.7.18' }, /python3 is Python 3\.10\.9, python is Python 2\.7\.18/],
  [{ python: 'not what was asked for' }, /none was found \(python is not what/],
])('says what is there instead: %j', (versions, words) => {
  expect(() => findPython(machine(versions as Record<string, string>))).toThrow(words);
});

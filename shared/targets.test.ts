import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matches, parseSelector, parseTarget, type Selectable } from './targets.ts';

const devices: Selectable[] = [
  { name: 'pi-kitchen', deviceClass: 'raspberry-pi-5-8gb', labels: { site: 'home', tier: 'a' } },
  { name: 'pi-hall', deviceClass: 'raspberry-pi-4-4gb', labels: { site: 'home', lab: 'yes' } },
  { name: 'robot', deviceClass: 'x86-64-2c-24gb', labels: { site: 'work', tier: 'b' } },
];

const selected = (text: string): string[] => {
  const parsed = parseSelector(text);
  if (parsed.kind === 'unreadable') throw new Error(parsed.message);
  return devices.filter((device) => matches(parsed.selector, device)).map(({ name }) => name);
};

describe('parseSelector and matches', () => {
  it.each([
    ['all', ['pi-kitchen', 'pi-hall', 'robot']],
    ['robot', ['robot']],
    ['robot, pi-hall', ['pi-hall', 'robot']],
    ['site=home', ['pi-kitchen', 'pi-hall']],
    ['site==home,!lab', ['pi-kitchen']],
    [' site = home , ! lab ', ['pi-kitchen']],
    ['tier in (a,b)', ['pi-kitchen', 'robot']],
    ['tier in(a,b),site', ['pi-kitchen', 'robot']],
    ['tier notin (a)', ['pi-hall', 'robot']],
    ['site!=home', ['robot']],
    ['class=raspberry-pi-4-4gb', ['pi-hall']],
    ['name=robot', ['robot']],
    ['site=home,tier in (a, c)', ['pi-kitchen']],
  ])('%s', (text, expected) => expect(selected(text)).toEqual(expected));

  it.each([
    ['', 'nothing at position 1'],
    ['site=', 'a value is missing at position 6'],
    ['Pi Kitchen', '"Pi Kitchen" is no device name at position 1'],
    ['pi-a,,pi-b', 'a device name is missing at position 6'],
    ['pi-a,pi-b,pi-a', '"pi-a" stands there twice at position 11'],
    ['site=home,tier in a', 'expected "(" and values at position 19'],
    ['site=home,tier in', 'in" follows a requirement at position 16'],
    ['tier in (a,b c)', 'expected "," or ")" at position 14'],
    ['tier in (a,b', 'expected "," or ")" at position 13'],
    ['tier in ()', 'a value is missing at position 10'],
    ['site=home tier=a', '"tier=a" follows a requirement at position 11'],
    ['site=home,', 'a label is missing at position 11'],
    ['site=ho&me', '"ho&me" is no label value at position 6'],
    ['SITE=home', '"SITE" is no label at position 1'],
    ['!', 'a label is missing at position 2'],
  ])('refuses %j, naming the place', (text, why) => {
    const parsed = parseSelector(text);
    expect(parsed.kind === 'unreadable' && parsed.message).toContain(why);
    expect(parsed.kind === 'unreadable' && parsed.message).toContain('expected "all", device names');
  });

  it('never throws, whatever the text, and points into it', () => {
    const scrap = fc.constantFrom('site', '=', '!', ',', ' in ', '(', ')', 'a', '%', '@', ' of ', '10', '==', 'notin');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(scrap).map((parts) => parts.join('')),
        ),
        (text) => {
          for (const parsed of [parseSelector(text), parseTarget(text)]) {
            if (parsed.kind !== 'unreadable') continue;
            const position = Number(/ at position (\d+); expected "all"/.exec(parsed.message)?.[1]);
            expect(position).toBeGreaterThanOrEqual(1);
            expect(position).toBeLessThanOrEqual(text.length + 1);
          }
        },
      ),
    );
  });
});

describe('parseTarget', () => {
  it.each([
    ['10%', { percent: 10, of: { kind: 'all' } }],
    ['12.5% of site=home', { percent: 12.5, of: { kind: 'labels' } }],
    ['50% of @kitchens', { percent: 50, of: { kind: 'group', name: 'kitchens' } }],
    ['@kitchens', { percent: null, of: { kind: 'group', name: 'kitchens' } }],
    ['pi-a,pi-b', { percent: null, of: { kind: 'names', names: ['pi-a', 'pi-b'] } }],
  ])('%s', (text, target) => expect(parseTarget(text)).toMatchObject({ kind: 'target', target }));

  it.each([
    ['0%', '"0%" is no share above 0% and up to 100% at position 1'],
    ['120% of all', 'is no share above 0% and up to 100% at position 1'],
    ['x%', '"x%" is no share'],
    ['10% site=home', 'expected "of" and a selector after the share at position 4'],
    ['10% of', 'expected "of" and a selector after the share at position 4'],
    ['10% of site=', 'a value is missing at position 13'],
    ['@Kitchens!', '"Kitchens!" is no name of a group at position 2'],
  ])('refuses %j, naming the place', (text, why) => {
    const parsed = parseTarget(text);
    expect(parsed.kind === 'unreadable' && parsed.message).toContain(why);
  });
});

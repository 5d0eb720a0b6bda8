import { describe, expect, it } from 'vitest';
import { matches, parseSelector, type Selectable } from './targets.ts';

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
    ['tier in (a,b)', ['pi-kitchen', 'robot']],
    ['tier notin (a)', ['pi-hall', 'robot']],
    ['site!=home', ['robot']],
    ['class=raspberry-pi-4-4gb', ['pi-hall']],
    ['name=robot', ['robot']],
    ['site=home,tier in (a, c)', ['pi-kitchen']],
  ])('%s', (text, expected) => expect(selected(text)).toEqual(expected));

  it.each([
    ['', 'nothing at position 1'],
    ['site=', 'is no requirement'],
    ['Pi Kitchen', 'is no device name at position 1'],
    ['site=home,tier in a', 'is no requirement at position 11'],
    ['tier in (a,b c)', 'is no label value'],
  ])('refuses %j, naming the place', (text, why) => {
    const parsed = parseSelector(text);
    expect(parsed.kind === 'unreadable' && parsed.message).toContain(why);
  });
});

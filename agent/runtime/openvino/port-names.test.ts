import { expect, it } from 'vitest';
import { preferredName } from './port-names.ts';

const xml = '<port id="0" names="/head/Cast_output_0,sample"/><port id="1" names="a\\,b,/c"/>';

it.each([
  ['timestep', 'timestep'],
  ['/head/Cast_output_0', 'sample'],
  ['/c', '/c'],
  ['a,b', 'a,b'],
  ['/unknown', '/unknown'],
])('calls %s by the name %s', (given, wanted) => expect(preferredName(given, () => xml)).toBe(wanted));

import { expect, it } from 'vitest';
import { preferredName } from './port-names.ts';

const xml =
  '<port id="0" names="/head/Cast_output_0,sample"/><port id="1" names="a\\,b,/c"/><port id="2" names="83,hidden_states.1"/>';

it.each([
  ['timestep', 'timestep'],
  ['/head/Cast_output_0', 'sample'],
  ['/c', '/c'],
  ['a,b', 'a,b'],
  ['/unknown', '/unknown'],
  // As optimum-intel writes the encoders of SDXL and Stable Diffusion 3.
  ['83', 'hidden_states.1'],
  ['84', '84'],
])('calls %s by the name %s', (given, wanted) => expect(preferredName(given, () => xml)).toBe(wanted));

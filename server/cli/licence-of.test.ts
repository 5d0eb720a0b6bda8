import { expect, test } from 'vitest';
import { licenceName } from './licence-of.ts';

test.each([
  ['---\nlicense: apache-2.0\ntags: [x]\n---\n# Model', null, 'Apache-2.0'],
  ['---\ntags: [x]\nlicense: "openrail++"\n---\n', 'LICENSE', 'LicenseRef-openrailplusplus'],
  ['# Model\nlicense: mit\n', 'LICENSE.md', 'LicenseRef-LICENSE'],
  ['', null, 'NOASSERTION'],
])('%j with %s is %s', (page, file, name) => expect(licenceName(page, file)).toBe(name));

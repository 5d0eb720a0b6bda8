// `npm run build`: dist/agent and dist/server to run, dist/install for the server to offer to devices.
//   npm run build                       for both architectures
//   npm run build -- --arch arm64       for one
//   npm run build -- --out FOLDER       elsewhere than dist/
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import { buildInstall } from './install-files.ts';
import { ARCHITECTURES, type Architecture, copyNative } from './native.ts';
import { root } from './root.ts';

const { values } = parseArgs({ options: { arch: { type: 'string', multiple: true }, out: { type: 'string' } } });
const architectures = (values.arch ?? ARCHITECTURES).map(architectureOf);
const out = resolve(values.out ?? join(root, 'dist'));
const version = (JSON.parse(readFileSync(join(root, 'agent/package.json'), 'utf8')) as { version: string }).version;

mkdirSync(out, { recursive: true });
await bundle(
  {
    side: 'agent',
    entries: {
      main: 'agent/main.ts',
      worker: 'agent/engine/worker.ts',
      'read-hardware': 'agent/read-hardware.ts',
      'run-command': 'agent/run-command.ts',
      'runtime-command': 'agent/runtime-command.ts',
    },
    version,
  },
  join(out, 'agent'),
);
await bundle(
  { side: 'server', entries: { main: 'server/main.ts', 'cli/main': 'server/cli/main.ts' }, version },
  join(out, 'server'),
);
await buildInstall({ agent: join(out, 'agent'), install: join(out, 'install'), architectures, version });
copyNative('agent', join(out, 'agent'), architectures);
copyNative('server', join(out, 'server'), architectures);

function architectureOf(text: string): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture === text);
  if (!found) throw new Error(`--arch "${text}": expected ${ARCHITECTURES.join(' or ')}`);
  return found;
}

// Compiles each file of agent/assembly (AssemblyScript) into pipeline/NAME-wasm.ts, or with --check fails where one is out of date.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The memory's pages have 64 KiB. */
const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd,relaxed-simd', '--initialMemory', '4'];

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
for (const source of readdirSync(path('./assembly')).filter((file) => file.endsWith('.ts'))) {
  const name = source.slice(0, -'.ts'.length);
  const target = path(`./pipeline/${name}-wasm.ts`);
  const text = `// Made by \`npm run assembly\` from agent/assembly/${source}.

/** A WebAssembly module, in base64: it exports the functions of that file, and \`memory\`, of 256 KiB. */
export const ${name.toUpperCase().replaceAll('-', '_')}_WASM =
  '${compile(`./assembly/${source}`)}';
`;
  if (!process.argv.includes('--check')) writeFileSync(target, text);
  else if (readFileSync(target, 'utf8') !== text) {
    console.error(`agent/pipeline/${name}-wasm.ts is out of date: run "npm run assembly"`);
    process.exitCode = 1;
  }
}

function compile(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'stillhouse-assembly-'));
  try {
    const compiled = join(folder, 'out.wasm');
    const compiler = fileURLToPath(import.meta.resolve('assemblyscript/bin/asc.js'));
    execFileSync(process.execPath, [compiler, path(source), ...OPTIONS, '--outFile', compiled], { stdio: 'inherit' });
    return readFileSync(compiled, 'base64');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

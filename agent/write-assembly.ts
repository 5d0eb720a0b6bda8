// Compiles agent/assembly (AssemblyScript) into pipeline/box-muller-wasm.ts, or with --check fails when that is out of date.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd,relaxed-simd', '--initialMemory', '1'];

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const target = path('./pipeline/box-muller-wasm.ts');
const text = `// Made by \`npm run assembly\` from agent/assembly/box-muller.ts.

/** A WebAssembly module, in base64: it exports \`memory\`, of one page, and \`boxMuller(count)\`. */
export const BOX_MULLER_WASM =
  '${compile('./assembly/box-muller.ts')}';
`;
if (!process.argv.includes('--check')) writeFileSync(target, text);
else if (readFileSync(target, 'utf8') !== text) {
  console.error('agent/pipeline/box-muller-wasm.ts is out of date: run "npm run assembly"');
  process.exitCode = 1;
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

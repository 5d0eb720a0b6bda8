// Bundles one side into plain JavaScript for Node 24. Packages with binaries stay outside; `native.ts` copies those.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { root } from './root.ts';

/** Packages that carry binaries, or look for files beside themselves. */
export const NATIVE = ['better-sqlite3', 'koffi', 'onnxruntime-node', 'sharp'] as const;

/** CommonJS packages inside a module bundle still call `require` for Node's own modules. */
const REQUIRE = `import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);`;

/** zod's messages in fifty languages are a third of the agent's source; English, its default, stays. */
const englishOnly: Plugin = {
  name: 'english only',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

export interface Side {
  readonly side: 'agent' | 'server';
  /** Path of the output without `.js` → source file. */
  readonly entries: Readonly<Record<string, string>>;
  readonly version: string;
}

/** Leaves a folder with the entries, the chunks that they share, and a package.json. */
export async function bundle({ side, entries, version }: Side, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([out, source]) => [out, join(root, source)])),
    absWorkingDir: root,
    outdir: folder,
    bundle: true,
    // What is imported when it is needed stays in a file of its own, so that an idle agent does not carry it.
    splitting: true,
    chunkNames: 'chunk-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: [...NATIVE],
    plugins: [englishOnly],
    banner: { js: REQUIRE },
    // Names stay whole: a stack trace from a Pi must be readable.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'linked',
    logLevel: 'warning',
  });
  const about = { name: `@stillhouse/${side}`, version, license: 'Apache-2.0', type: 'module', private: true };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(about, null, 2)}\n`);
}

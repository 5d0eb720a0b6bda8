// Copies the packages with binaries, cut down to what one platform loads: onnxruntime-node alone brings 288 MB for six
// platforms, of which a Pi needs 26.
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { platformPackage } from './platform-package.ts';
import { root } from './root.ts';

export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** Package → the files and folders that are loaded at run time on linux with this architecture. */
const parts: Readonly<Record<string, (architecture: Architecture) => readonly string[]>> = {
  'better-sqlite3': (architecture) => ['package.json', 'LICENSE', 'lib', `prebuilds/linux-${architecture}.node`],
  'onnxruntime-node': (architecture) => ['package.json', 'README.md', 'dist', `bin/napi-v6/linux/${architecture}`],
  koffi: () => ['package.json', 'LICENSE.txt', 'index.js', 'src/koffi/index.js', 'src/koffi/src/static.js'],
  'onnxruntime-common': () => ['package.json', 'README.md', 'dist/cjs'],
  sharp: () => ['package.json', 'LICENSE', 'dist'],
  '@img/colour': () => ['package.json', 'LICENSE.md', 'index.cjs', 'color.cjs'],
  'detect-libc': () => ['package.json', 'LICENSE', 'lib'],
  semver: () => ['package.json', 'LICENSE', 'index.js', 'classes', 'functions', 'internal', 'ranges'],
};

/** The packages' own folders: where npm put them for this side. An agent does without photographs, which take 9 MB of a download. */
const packagesOf = {
  agent: ['better-sqlite3', 'koffi', 'onnxruntime-node', 'onnxruntime-common'],
  server: ['better-sqlite3', 'sharp', '@img/colour', 'detect-libc', 'semver'],
} as const;

/** Packages of one platform each, and their files and folders that are loaded; the last is how one knows that it is whole. */
const librariesOf = {
  agent: (architecture: Architecture) => ({
    [`@koromix/koffi-linux-${architecture}`]: ['package.json', 'index.js', `linux_${architecture}`],
  }),
  server: (architecture: Architecture) => ({
    [`@img/sharp-linux-${architecture}`]: ['package.json', 'LICENSE', 'index.cjs', 'lib'],
    [`@img/sharp-libvips-linux-${architecture}`]: ['package.json', 'README.md', 'versions.json', 'lib'],
  }),
};

/** Fills `folder`/node_modules. @throws Error that names a file which the package should have and has not */
export function copyNative(side: 'agent' | 'server', folder: string, architectures: readonly Architecture[]): void {
  const { resolve } = createRequire(join(root, side, 'package.json'));
  for (const name of packagesOf[side])
    for (const part of new Set(architectures.flatMap((architecture) => parts[name]?.(architecture) ?? []))) {
      const from = join(homeOf(name, resolve), part);
      if (!existsSync(from))
        throw new Error(`${name} has no ${part}: its layout has changed; see deploy/build/native.ts`);
      const to = join(folder, 'node_modules', name, part);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(from, to, { recursive: true, filter: (path) => !/\.(map|d\.ts)$/.test(path) });
    }
  for (const architecture of architectures)
    for (const [name, files] of Object.entries<string[]>(librariesOf[side](architecture))) {
      const home = platformPackage(name, files.at(-1) as string);
      for (const file of files) cpSync(join(home, file), join(folder, 'node_modules', name, file), { recursive: true });
    }
}

/** Not every package exports its package.json: go up from the entry file to the folder of that name. */
function homeOf(name: string, resolve: (request: string) => string): string {
  const end = join('node_modules', name);
  for (let folder = dirname(resolve(name)); folder !== dirname(folder); folder = dirname(folder))
    if (folder.endsWith(end)) return folder;
  throw new Error(`${name} is not installed: run npm ci`);
}

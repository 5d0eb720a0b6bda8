// Which runtimes this device can use, told from what is installed, without loading any of them into the agent.
import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { OPENVINO_VERSION } from './openvino/package.ts';
import { findOpenVino } from './runtime-folders.ts';

export interface InstalledRuntime {
  readonly runtime: 'onnxruntime' | 'openvino';
  readonly version: string;
}

/**
 * Runtimes whose native library for this platform is there.
 *
 * @param folders where "still runtime install" puts them
 */
export async function installedRuntimes(folders: readonly string[]): Promise<InstalledRuntime[]> {
  const onnxRuntime = await onnxRuntimeVersion();
  return [
    ...(onnxRuntime === null ? [] : [{ runtime: 'onnxruntime', version: onnxRuntime } as const]),
    ...(findOpenVino(folders) === null ? [] : [{ runtime: 'openvino', version: OPENVINO_VERSION } as const]),
  ];
}

async function onnxRuntimeVersion(): Promise<string | null> {
  try {
    const manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
    const library = `bin/napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`;
    await access(join(dirname(manifest), library));
    return (JSON.parse(await readFile(manifest, 'utf8')) as { version: string }).version;
  } catch {
    return null;
  }
}

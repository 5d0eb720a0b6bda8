// Which runtimes this device can use, told from what is installed, without loading any of them into the agent.
import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface InstalledRuntime {
  readonly runtime: 'onnxruntime' | 'openvino';
  readonly version: string;
}

/** Runtimes whose package and native library for this platform are both there. */
export async function installedRuntimes(): Promise<InstalledRuntime[]> {
  const version = await onnxRuntimeVersion();
  return version === null ? [] : [{ runtime: 'onnxruntime', version }];
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

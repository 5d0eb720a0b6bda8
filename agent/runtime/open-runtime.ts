// Loads the runtime that a variant names. Dynamic imports, so that a device needs only the runtimes it uses.
import { messageOf } from '../../shared/errors.ts';
import type { Runtime } from './runtime.ts';
import { INSTALL_OPENVINO } from './runtime-folders.ts';

/**
 * @param libraries folder of the runtime's own libraries, where it is not a package; null when it is not installed
 * @throws Error that says which runtime is missing and what would help
 */
export async function openRuntime(name: 'onnxruntime' | 'openvino', libraries: string | null = null): Promise<Runtime> {
  switch (name) {
    case 'onnxruntime':
      return (await import('./onnxruntime.ts')).onnxRuntime;
    case 'openvino':
      if (libraries === null) throw new Error(`is not installed on this device; "${INSTALL_OPENVINO}" brings it`);
      return openLibraries((await import('./openvino/openvino.ts')).openVino, libraries);
  }
}

function openLibraries(open: (libraries: string) => Runtime, libraries: string): Runtime {
  try {
    return open(libraries);
  } catch (cause) {
    throw new Error(`${messageOf(cause)}; "${INSTALL_OPENVINO}" replaces libraries that are damaged`, { cause });
  }
}

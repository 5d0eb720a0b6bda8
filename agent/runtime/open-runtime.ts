// Loads the runtime that a variant names. Dynamic imports, so that a device needs only the runtimes it uses.
import type { Runtime } from './runtime.ts';

/** @throws Error that says which runtime is missing and what would help. */
export async function openRuntime(name: 'onnxruntime' | 'openvino'): Promise<Runtime> {
  switch (name) {
    case 'onnxruntime':
      return (await import('./onnxruntime.ts')).onnxRuntime;
    case 'openvino':
      throw new Error('this agent has no OpenVINO runtime; roll out a variant for onnxruntime');
  }
}

// A graph is somebody else's input to a native library: what would be followed or choked on is refused before it is loaded.
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EngineFault } from '../fault.ts';
import { readingFault } from '../read-json.ts';
import { onnxFault } from './onnx-fault.ts';
import { readOnnx } from './read-onnx.ts';

/** @throws EngineFault `load_failed` that names the file and what is wrong with it */
export function checkOnnx(path: string): void {
  let fault: string | null;
  try {
    fault = onnxFault(readOnnx(path), (location) => fileSize(join(dirname(path), location)));
  } catch (cause) {
    throw new EngineFault('load_failed', `${path}: ${readingFault(cause)}`, { cause });
  }
  if (fault) throw new EngineFault('load_failed', `${path}: ${fault}`);
}

function fileSize(path: string): number | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? found.size : null;
}

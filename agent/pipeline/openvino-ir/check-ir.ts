// As check-onnx, for a graph of OpenVINO.
import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '../../../shared/errors.ts';
import { limits } from '../../../shared/limits.ts';
import { EngineFault } from '../fault.ts';
import { irFault } from './ir-fault.ts';
import { type IrFile, readIr } from './read-ir.ts';

/** @returns what the file says of itself @throws EngineFault `load_failed` that names the file and what is wrong with it */
export function checkIr(path: string): IrFile {
  const found = readChecked(path);
  if (typeof found === 'string') throw new EngineFault('load_failed', `${path}: ${found}`);
  return found;
}

/** The file, or what is wrong with it. */
function readChecked(path: string): IrFile | string {
  const bytes = fileSize(path);
  if (bytes === null) return 'is missing';
  if (bytes > limits.graphTextBytes) return `has ${bytes} bytes; more than ${limits.graphTextBytes} are not read`;
  try {
    const file = readIr(readFileSync(path));
    return irFault(file, fileSize(path.replace(/\.xml$/, '.bin'))) ?? file;
  } catch (cause) {
    return messageOf(cause);
  }
}

function fileSize(path: string): number | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? found.size : null;
}

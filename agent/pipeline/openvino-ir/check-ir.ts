// As check-onnx, for a graph of OpenVINO.
import { readFileSync, statSync } from 'node:fs';
import { messageOf } from '../../../shared/errors.ts';
import { limits } from '../../../shared/limits.ts';
import { EngineFault } from '../fault.ts';
import { irFault } from './ir-fault.ts';
import { readIr } from './read-ir.ts';

/** @throws EngineFault `load_failed` that names the file and what is wrong with it */
export function checkIr(path: string): void {
  const fault = faultOf(path);
  if (fault) throw new EngineFault('load_failed', `${path}: ${fault}`);
}

function faultOf(path: string): string | null {
  const bytes = fileSize(path);
  if (bytes === null) return 'is missing';
  if (bytes > limits.graphTextBytes) return `has ${bytes} bytes; more than ${limits.graphTextBytes} are not read`;
  try {
    return irFault(readIr(readFileSync(path, 'utf8')), fileSize(path.replace(/\.xml$/, '.bin')));
  } catch (cause) {
    return messageOf(cause);
  }
}

function fileSize(path: string): number | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? found.size : null;
}

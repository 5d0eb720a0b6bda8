// Reads one JSON object of a pipeline folder.
import { readFile } from 'node:fs/promises';
import { messageOf } from '../../shared/errors.ts';
import { EngineFault } from './fault.ts';

/** @throws EngineFault `load_failed` that names the file */
export async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new EngineFault('load_failed', `${path}: ${messageOf(cause)}`, { cause });
  }
  throw new EngineFault('load_failed', `${path}: expected a JSON object`);
}

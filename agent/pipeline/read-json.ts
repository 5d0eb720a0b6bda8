// Reads the texts of a pipeline folder, most of them one JSON object.
import { readFile, stat } from 'node:fs/promises';
import { messageOf } from '../../shared/errors.ts';
import { EngineFault } from './fault.ts';

/**
 * Python writes infinite settings as no JSON (`"lambda_min_clipped": -Infinity` of every DPM-Solver): they become text, which the
 * scheduler that has such a setting reads, and any other refuses.
 */
const OF_PYTHON = /:\s*(-?Infinity|NaN)(?=\s*[,}])/g;

/** @throws EngineFault `load_failed` that names the file */
export async function readJson(path: string): Promise<Record<string, unknown>> {
  return parseObject(await readText(path), path);
}

/** @throws EngineFault `load_failed` that names the file */
export async function readText(path: string): Promise<string> {
  try {
    // A pipe would be waited for without end.
    if ((await stat(path)).isFile()) return await readFile(path, 'utf8');
  } catch (cause) {
    throw new EngineFault('load_failed', `${path}: ${readingFault(cause)}`, { cause });
  }
  throw new EngineFault('load_failed', `${path}: this is no file`);
}

/** Why a file cannot be read, without its name once more. */
export const readingFault = (cause: unknown): string =>
  (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'this file is missing' : messageOf(cause);

/** @throws EngineFault `load_failed` that names the file */
export function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    value = parsed(text.replace(OF_PYTHON, ': "$1"'));
    if (value === undefined) throw new EngineFault('load_failed', `${path}: ${whyNoJson(text, cause)}`, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new EngineFault('load_failed', `${path}: expected a JSON object`);
}

/** What a parser quotes of a file in another encoding are characters that no terminal shows. */
function whyNoJson(text: string, cause: unknown): string {
  if (/^\uFEFF/.test(text)) return 'begins with a byte order mark; save it as UTF-8 without one';
  if (/[\0\uFFFD]/.test(text)) return 'is no text in UTF-8; save it as such';
  return messageOf(cause).replaceAll(/\s+/g, ' ');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

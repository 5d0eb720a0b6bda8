// A folder's licence: the text that lies in it, and the name that its page's head gives, as model hubs write it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const SPDX: Readonly<Record<string, string>> = { 'apache-2.0': 'Apache-2.0', mit: 'MIT', 'cc0-1.0': 'CC0-1.0' };

export interface Licence {
  /** An SPDX expression. */
  readonly name: string;
  /** The file with its text, null where there is none. */
  readonly file: string | null;
}

export async function licenceOf(folder: string): Promise<Licence> {
  const file = (await readdir(folder)).find((name) => /^licen[cs]e(\.(md|txt))?$/i.test(name)) ?? null;
  const page = await readFile(join(folder, 'README.md'), 'utf8').catch(() => '');
  return { name: licenceName(page, file), file };
}

/** @param page the text of README.md, whose head may stand between two lines of `---` */
export function licenceName(page: string, file: string | null): string {
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(page)?.[1] ?? '';
  const named = /^license:\s*["']?([A-Za-z0-9.+-]{1,100})["']?\s*$/m.exec(head)?.[1];
  if (named !== undefined) return SPDX[named.toLowerCase()] ?? `LicenseRef-${named.replaceAll('+', 'plus')}`;
  return file === null ? 'NOASSERTION' : 'LicenseRef-LICENSE';
}

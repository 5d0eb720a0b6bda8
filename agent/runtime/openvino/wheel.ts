// Reads single files of a wheel, which is a zip archive.

import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { type Entry, open, type ZipFile } from 'yauzl';
import { messageOf, StillError } from '../../../shared/errors.ts';

export interface Wheel {
  /** @throws StillError `not_found` */
  open(name: string): Promise<Readable>;
  close(): void;
}

/** @param folder inside the wheel @throws StillError for a file that is no zip archive */
export async function openWheel(path: string, folder: string): Promise<Wheel> {
  const zip = await openZip(path);
  const entries = await readEntries(zip, path);
  return {
    async open(name) {
      const entry = entries.get(`${folder}/${name}`);
      if (!entry) throw new StillError('not_found', `${path} holds no ${folder}/${name}`);
      return promisify(zip.openReadStream.bind(zip))(entry) as Promise<Readable>;
    },
    close: () => zip.close(),
  };
}

function openZip(path: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    open(path, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (zip) resolve(zip);
      else reject(new StillError('unprocessable', `${path} is no wheel: ${messageOf(error)}`, { cause: error }));
    });
  });
}

function readEntries(zip: ZipFile, path: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  return new Promise((resolve, reject) => {
    zip.on('entry', (entry: Entry) => {
      entries.set(entry.fileName, entry);
      zip.readEntry();
    });
    zip.on('end', () => resolve(entries));
    zip.on('error', (cause) => reject(new StillError('unprocessable', `${path}: ${messageOf(cause)}`, { cause })));
    zip.readEntry();
  });
}

// What an adapter changes, for whoever predicts memory or lists it in a manifest.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type AdapterFile, DENOISERS, readAdapter } from './with-adapters.ts';

export interface DescribedAdapter extends AdapterFile {
  /** Folders of the components that it changes, such as `unet`. */
  readonly components: readonly string[];
}

/** @param folder of the pipeline @throws EngineFault `load_failed` that names the file */
export async function describeAdapters(files: readonly AdapterFile[], folder: string): Promise<DescribedAdapter[]> {
  const denoiser = DENOISERS.filter((name) => existsSync(join(folder, name)));
  const described: DescribedAdapter[] = [];
  for (const file of files) {
    const parts = new Set((await readAdapter(file)).map(({ part }) => part));
    described.push({ ...file, components: [...parts].flatMap((part) => (part === 'denoiser' ? denoiser : [part])) });
  }
  return described;
}

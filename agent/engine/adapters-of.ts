import { join } from 'node:path';
import type { AdapterFile } from '../pipeline/lora/with-adapters.ts';
import type { LaunchSpec } from './engine.ts';

/** The adapters that a variant brings along. */
export const adaptersOf = ({ folder, variant }: LaunchSpec): AdapterFile[] =>
  (variant.adapters ?? []).map(({ path, scale }) => ({ path: join(folder, path), scale }));

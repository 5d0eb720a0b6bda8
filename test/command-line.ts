// The options of the project's own commands (`npm run sim`, `perf`, …): a mistake or `--help` prints how the command is used.
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { messageOf } from '../shared/errors.ts';

type Values<T extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: T }>>['values'];

/** Ends the process: 0 after `--help`, 2 after a mistake. */
export function commandLine<const T extends ParseArgsOptionsConfig>(usage: string, options: T): Values<T> {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', default: false } } });
    if (!(values as { readonly help?: boolean }).help) return values as Values<T>;
    console.log(usage);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${usage}`);
    process.exit(2);
  }
  process.exit(0);
}

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { list } from '../arguments.ts';
import { runDemo } from '../demo/run-demo.ts';
import { Screen } from '../screen.ts';

const RELEASED = fileURLToPath(new URL('../../../models/released/stickers-lite', import.meta.url));

interface Options {
  readonly once?: boolean;
  readonly data: string;
  readonly devices?: string[];
  readonly models: string;
}

export function demo(): Command {
  return new Command('demo')
    .description(
      'A server and three devices on this machine, and the whole story: publish, roll out, measure, stop, draw.',
    )
    .option('--once', 'end after the story; exit code 0 only if every step of it held')
    .option('--data <folder>', 'where everything is kept; a second start goes on with it', '.stillhouse/demo')
    .option('--devices <names>', 'the devices (default: pi-kitchen,pi-hall,pi-desk)', list)
    .option('--models <folder>', 'a model with two versions (default: models/released/stickers-lite)', RELEASED)
    .configureHelp({ optionDescription: (option) => option.description })
    .action((options: Options, self: Command) =>
      runDemo(new Screen(self.optsWithGlobals<{ json?: boolean }>().json ?? false), {
        once: options.once ?? false,
        folder: resolve(options.data),
        devices: options.devices ?? ['pi-kitchen', 'pi-hall', 'pi-desk'],
        models: resolve(options.models),
      }),
    );
}

// The command line: finds the command, runs it, and turns its end into an exit code. Only the file of the command that
// was asked for is loaded, so that `still --help` answers at once.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { asksForJson, failureJson } from '../../shared/command-failure.ts';
import { tellFailure } from './tell-failure.ts';

interface Entry {
  readonly name: string;
  readonly summary: string;
  /** Left out for those that the launcher starts itself. */
  readonly load?: () => Promise<Command>;
}

// biome-ignore format: one line a command
const groups: Record<string, readonly Entry[]> = {
  'Run:': [
    { name: 'serve', summary: 'start the server' },
    { name: 'agent', summary: 'start the agent of one device' },
    { name: 'runtime', summary: 'runtimes of this machine: list them, install OpenVINO' },
    { name: 'demo', summary: 'a server and three devices on this machine, and the whole story', load: async () => (await import('./commands/demo.ts')).demo() },
  ],
  'Models:': [
    { name: 'distil', summary: 'make a small model of a large one, by a recipe; inspect, evaluate, plot' },
    { name: 'run', summary: 'make a picture from a folder on this machine, without a server' },
    { name: 'publish', summary: 'publish the version in a folder', load: async () => (await import('./commands/publish.ts')).publish() },
    { name: 'models', summary: 'models and versions on the server', load: async () => (await import('./commands/models.ts')).models() },
    { name: 'rollout', summary: 'bring a version to devices, in waves, behind gates', load: async () => (await import('./commands/rollout.ts')).rollout() },
  ],
  'Measurements and pictures:': [
    { name: 'bench', summary: 'measure a version on a device', load: async () => (await import('./commands/bench.ts')).bench() },
    { name: 'table', summary: 'the newest measurement of every version on every device', load: async () => (await import('./commands/table.ts')).table() },
    { name: 'picture', summary: 'fetch a picture from a device', load: async () => (await import('./commands/picture.ts')).picture() },
  ],
  'Fleet:': [
    { name: 'devices', summary: 'the devices, and what they run', load: async () => (await import('./commands/devices.ts')).devices() },
    { name: 'group', summary: 'selectors under a name', load: async () => (await import('./commands/group.ts')).group() },
    { name: 'token', summary: 'tokens that let devices join', load: async () => (await import('./commands/token.ts')).token() },
    { name: 'key', summary: 'keys that let people and programs in', load: async () => (await import('./commands/key.ts')).key() },
    { name: 'events', summary: 'what changes, as it happens', load: async () => (await import('./commands/events.ts')).events() },
    { name: 'audit', summary: 'who did what', load: async () => (await import('./commands/audit.ts')).audit() },
  ],
};

const VALUE_OPTIONS = ['--server', '--key'];

// Whoever reads may stop before the end, such as head: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  const program = await programFor(process.argv.slice(2));
  await program.parseAsync(process.argv);
} catch (thrown) {
  const { text, error, exitCode } = tellFailure(thrown);
  if (text) console.error(text);
  if (error && asksForJson(process.argv)) process.stdout.write(failureJson(error));
  process.exitCode = exitCode;
}

async function programFor(args: readonly string[]): Promise<Command> {
  const program = new Command('still')
    .description('Distil image models for small devices, roll them out, and fetch pictures from any device by name.')
    .option('--server <url>', 'the server (STILL_SERVER; else the one on this machine)')
    .option('--key <key>', 'the key (STILL_KEY; else the first one of that server)')
    .option('--json', 'print the result, or the error, as JSON')
    .addHelpText('after', '\n"still COMMAND --help" says more about a command.');
  // `publish` has an option of this name.
  if (wantedCommand(args) !== 'publish') program.version(packageVersion(), '--version', 'print the version');
  for (const [group, entries] of Object.entries(groups)) {
    program.commandsGroup(group);
    for (const { name, summary, load } of entries) {
      if (load && name === wantedCommand(args)) program.addCommand(await load());
      else program.command(name).description(summary);
    }
  }
  forEach(program, (command) =>
    command
      .exitOverride()
      .helpOption('-h, --help', 'print help')
      .helpCommand(false)
      .showHelpAfterError('(--help says more)')
      .configureHelp({
        showGlobalOptions: true,
        subcommandTerm: (sub) => sub.name(),
        // Those of `bench` are not for `bench samples`.
        visibleGlobalOptions: (shown) => (shown === program ? [] : [...program.options]),
      }),
  );
  return program;
}

function wantedCommand(args: readonly string[]): string | undefined {
  return args.find((arg, index) => !arg.startsWith('-') && !VALUE_OPTIONS.includes(args[index - 1] ?? ''));
}

function forEach(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const sub of command.commands) forEach(sub, change);
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

// `still runtime`: which runtimes this machine has, and how it gets another one. It belongs to the agent, so that it is
// there on a device that has nothing else.
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { asksForJson, failureJson, failureOf } from '../shared/command-failure.ts';
import { ERROR_CODES, messageOf, StillError } from '../shared/errors.ts';
import { bytes } from '../shared/units.ts';
import { runtimeFoldersOfProcess } from './config.ts';
import { installedRuntimes } from './runtime/installed.ts';
import { installOpenVino } from './runtime/openvino/install.ts';
import { OPENVINO_VERSION } from './runtime/openvino/package.ts';
import { removeOpenVino } from './runtime/openvino/remove.ts';
import { findOpenVino, installFolder } from './runtime/runtime-folders.ts';

const HELP = `Runtimes of this machine.

Usage: still runtime [list]
       still runtime install openvino [--from WHEEL|FOLDER] [--into DIR]
       still runtime remove openvino [--into DIR]

  list               the runtimes that an agent here can use
  install openvino   bring OpenVINO ${OPENVINO_VERSION}: five libraries (60 to 86 MB) of its
                     wheel on PyPI, fetched by pip and checked against their digests
    --from PATH      take them from a wheel, or from a folder with the libraries,
                     instead: needs no network and no pip
    --into DIR       folder of runtimes; the agent finds it by STILL_RUNTIMES
                     (default: where it stands, else for root
                     ${installFolder()}, else the home folder)
  remove openvino    take it away again; engines that run keep what they have opened
    --into DIR       from this folder of runtimes (default: the first that has it)
  --json             print the result, or the error, as JSON

A running agent tells its server of a change the next time it connects. To install
again replaces libraries that are damaged.
`;

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`still runtime: ${messageOf(error)}\n`);
  if (asksForJson(process.argv)) process.stdout.write(failureJson(failureOf(error)));
  process.exitCode = error instanceof StillError ? ERROR_CODES[error.code][1] : 1;
}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  const [verb = 'list', what] = positionals;
  const surplus = positionals[verb === 'list' ? 1 : 2];
  if (values.help) process.stdout.write(HELP);
  else if (verb !== 'list' && verb !== 'install' && verb !== 'remove')
    throw new StillError('invalid_input', `"${verb}" is not known; "still runtime --help" lists what is`);
  else if (surplus !== undefined)
    throw new StillError('invalid_input', `"${surplus}" is too much; "still runtime --help" says what is expected`);
  else if (verb === 'list') await list(values.json ?? false);
  else if (what === undefined)
    throw new StillError('invalid_input', `say which runtime: "still runtime ${verb} openvino"`);
  else if (what !== 'openvino')
    throw new StillError(
      'invalid_input',
      `"${what}" cannot be ${verb}${verb === 'install' ? 'ed' : 'd'}; expected openvino`,
    );
  else if (verb === 'install') await install(values);
  else await remove(values);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        from: { type: 'string' },
        into: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new StillError('invalid_input', `${messageOf(error)}; "still runtime --help" lists the options`);
  }
}

async function list(asJson: boolean): Promise<void> {
  const folders = runtimeFoldersOfProcess();
  const openVino = findOpenVino(folders);
  const runtimes = (await installedRuntimes(folders)).map((each) =>
    each.runtime === 'openvino' ? { ...each, folder: openVino } : each,
  );
  if (asJson) return print(JSON.stringify(runtimes, null, 2));
  for (const { runtime, version } of runtimes)
    print(`${runtime} ${version}${runtime === 'openvino' ? ` in ${openVino}` : ''}`);
  if (openVino === null) print('openvino is not installed: "still runtime install openvino" brings it');
}

async function install(values: { from?: string; into?: string; json?: boolean }): Promise<void> {
  // Where one stands already, it is looked through, and mended there.
  const found = findOpenVino(runtimeFoldersOfProcess());
  const { into = found === null ? installFolder() : dirname(found) } = values;
  if (into === '') throw new StillError('invalid_input', '--into: expected a folder');
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const folder = await installOpenVino({ into, from: values.from ?? null, architecture: process.arch, say });
  if (values.json) print(JSON.stringify({ runtime: 'openvino', version: OPENVINO_VERSION, folder }, null, 2));
  else print(`OpenVINO ${OPENVINO_VERSION} stands in ${folder}`);
  const searched = runtimeFoldersOfProcess();
  if (!searched.includes(resolve(into)))
    say(`an agent and "still run" look there only with STILL_RUNTIMES=${resolve(into)}, which is not set here`);
}

async function remove({ into, from, json }: { from?: string; into?: string; json?: boolean }): Promise<void> {
  if (from !== undefined) throw new StillError('invalid_input', '--from belongs to install; --into names a folder');
  if (into === '') throw new StillError('invalid_input', '--into: expected a folder');
  const removed = await removeOpenVino(into === undefined ? runtimeFoldersOfProcess() : [resolve(into)]);
  if (json) return print(JSON.stringify({ runtime: 'openvino', ...removed }, null, 2));
  print(`removed ${removed.folder}, which frees ${bytes(removed.freedBytes)}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

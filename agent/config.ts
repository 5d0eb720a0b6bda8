// The only file that reads the environment and the command line.
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseByteRate } from '../shared/byte-rate.ts';
import { StillError } from '../shared/errors.ts';
import { DeviceName, LabelKey, LabelValue } from '../shared/ids.ts';
import { limits } from '../shared/limits.ts';
import about from './package.json' with { type: 'json' };
import { defaultRuntimeFolders } from './runtime/runtime-folders.ts';

export const agentVersion = about.version;

export interface Config {
  readonly server: URL;
  /** Needed at the first start only. */
  readonly token: string | null;
  /** Null: the name that the data folder was enrolled under. */
  readonly name: string | null;
  readonly folder: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly threads: number | undefined;
  readonly streams: number | undefined;
  /** Of all downloads together, bytes a second; Infinity: as fast as they come. */
  readonly downloadBytesPerSecond: number;
  /** Where runtimes are looked for that are no npm package. */
  readonly runtimeFolders: readonly string[];
  /** Where the broker is, when it is not where the enrolment said. */
  readonly mqtt: URL | null;
  /** End once the credential is there: an installer's step. */
  readonly enrolOnly: boolean;
}

export const HELP = `Runs the Stillhouse agent: makes this machine a device of a fleet.

Usage: still agent --server URL --name NAME --data DIR [--token T]

  --server URL      the server's address, such as http://still.local:8080   (STILL_SERVER)
  --name NAME       this device's name in the fleet, such as pi-kitchen     (STILL_NAME)
  --data DIR        folder for the state, the models and the credential     (STILL_DATA)
  --token T         enrolment token; needed at the first start only         (STILL_TOKEN)
  --label KEY=VALUE a label for the enrolment; may be given several times
  --threads N       threads of an engine (default: all cores)               (STILL_THREADS)
  --streams N       pictures of a batch, or the two of guidance, that OpenVINO
                    computes at once, each by its share of the threads;
                    no faster on two cores (default: 1)                (STILL_STREAMS)
  --bandwidth RATE  the most that downloads take, such as 500kB or 2MB, a
                    second (default: no limit)                         (STILL_BANDWIDTH)
  --runtimes DIR    where "still runtime install" put its runtimes, when not
                    in its default places                             (STILL_RUNTIMES)
  --mqtt URL        the broker's address, when it is not where the server said
                    at the enrolment (mqtt:// or mqtts://)                  (STILL_MQTT)
  --enrol-only      trade the token for this device's credential and end
  --version         print the version
  --help            print this

A token comes from "still token create" on the server. The agent keeps what it
gets for it in DIR/credential.json; with that it needs no token any more.
It logs on the standard error output and prints one line with "ready" when it
is connected. Exit codes: 0 ended in order, 1 failed, 2 wrong usage, 4 refused.
`;

export type Parsed =
  | { readonly kind: 'config'; readonly config: Config }
  | { readonly kind: 'print'; readonly text: string };

/** @throws StillError `invalid_input` that names the argument */
export function parseConfig(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Parsed {
  const values = parseOptions(argv);
  if (values.help) return { kind: 'print', text: HELP };
  if (values.version) return { kind: 'print', text: `${agentVersion}\n` };
  const given = (
    name: 'server' | 'name' | 'data' | 'token' | 'threads' | 'streams' | 'bandwidth' | 'runtimes' | 'mqtt',
  ) => values[name] ?? (environment[`STILL_${name.toUpperCase()}`] || undefined);
  const mqtt = given('mqtt');
  return {
    kind: 'config',
    config: {
      server: urlOf('--server', required('--server', given('server')), ['http:', 'https:']),
      token: given('token') ?? null,
      name: nameOf(given('name')),
      folder: resolve(required('--data', given('data'))),
      labels: labelsOf(values.label ?? []),
      threads: countOf('threads', given('threads')),
      streams: countOf('streams', given('streams')),
      downloadBytesPerSecond: bandwidthOf(given('bandwidth')),
      runtimeFolders: runtimeFolders(given('runtimes')),
      mqtt: mqtt === undefined ? null : urlOf('--mqtt', mqtt, ['mqtt:', 'mqtts:']),
      enrolOnly: values['enrol-only'] ?? false,
    },
  };
}

export const configOfProcess = (): Parsed => parseConfig(process.argv.slice(2), process.env);

/** What an agent on this machine, told nothing else, would search. */
export const runtimeFoldersOfProcess = (): readonly string[] => runtimeFolders(process.env.STILL_RUNTIMES || undefined);

const runtimeFolders = (given: string | undefined): readonly string[] => [
  ...(given === undefined ? [] : [resolve(given)]),
  ...defaultRuntimeFolders(),
];

function parseOptions(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        server: { type: 'string' },
        name: { type: 'string' },
        data: { type: 'string' },
        token: { type: 'string' },
        label: { type: 'string', multiple: true },
        threads: { type: 'string' },
        streams: { type: 'string' },
        bandwidth: { type: 'string' },
        runtimes: { type: 'string' },
        mqtt: { type: 'string' },
        'enrol-only': { type: 'boolean' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new StillError('invalid_input', `${(error as Error).message}; "still agent --help" lists the options`);
  }
}

function required(option: string, value: string | undefined): string {
  if (value) return value;
  throw new StillError('invalid_input', `${option} is missing; "still agent --help" lists the options`);
}

function urlOf(option: string, text: string, protocols: readonly string[]): URL {
  const url = URL.parse(text);
  if (url && protocols.includes(url.protocol)) return url;
  const form = protocols.map((protocol) => `${protocol}//HOST:PORT`).join(' or ');
  throw new StillError('invalid_input', `${option} "${text}" is no address; expected ${form}`);
}

function nameOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  const parsed = DeviceName.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new StillError('invalid_input', `--name "${text}": ${parsed.error.issues[0]?.message}`);
}

function labelsOf(texts: readonly string[]): Record<string, string> {
  const labels = texts.map((text) => {
    const [key = '', value = ''] = text.split(/=(.*)/s);
    if (LabelKey.safeParse(key).success && LabelValue.safeParse(value).success) return [key, value] as const;
    throw new StillError('invalid_input', `--label "${text}": expected KEY=VALUE such as site=home`);
  });
  if (labels.length > limits.labelsPerDevice)
    throw new StillError('invalid_input', `--label: ${labels.length} are given, at most ${limits.labelsPerDevice} fit`);
  return Object.fromEntries(labels);
}

function countOf(option: 'threads' | 'streams', text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  const most = availableParallelism() * 4;
  if (Number.isInteger(count) && count >= 1 && count <= most) return count;
  throw new StillError('invalid_input', `--${option} "${text}": expected a whole number from 1 to ${most}`);
}

function bandwidthOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const rate = parseByteRate(text);
  if (rate.kind === 'rate') return rate.bytesPerSecond;
  throw new StillError('invalid_input', `--bandwidth ${rate.message}`);
}

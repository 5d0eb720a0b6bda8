// What the server is told: options first, then STILL_* of the environment, then defaults. The only file here that reads
// the environment.
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseByteRate } from '../shared/byte-rate.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface Config {
  /** Absolute folder: database, artifacts, pictures, first key. */
  readonly data: string;
  readonly http: Place;
  readonly mqtt: Place;
  /** URL of a broker of its own; null: the embedded one. */
  readonly broker: string | null;
  /** Of all artifacts that devices download, together; Infinity without a limit. */
  readonly egressBytesPerSecond: number;
}

export type Parsed =
  | { readonly kind: 'config'; readonly config: Config }
  /** `--help` was answered, or the usage was wrong and has been told. */
  | { readonly kind: 'done'; readonly exitCode: number };

interface Options {
  readonly data: string;
  readonly http: Place;
  readonly mqtt: Place;
  readonly broker?: string;
  readonly egress?: number;
}

export function readConfig(args: readonly string[]): Parsed {
  const program = new Command('still serve')
    .description('Run the control server: registry, artifacts, rollouts, and the MQTT broker for the devices.')
    .addOption(
      new Option('--data <folder>', 'where everything is kept').default('.stillhouse/server').env('STILL_SERVER_DATA'),
    )
    .addOption(placeOption('--http <host:port>', 'where HTTP is served', '127.0.0.1:8080', 'STILL_HTTP'))
    .addOption(placeOption('--mqtt <host:port>', 'where the broker listens', '127.0.0.1:1883', 'STILL_MQTT'))
    .addOption(
      new Option('--broker <url>', 'use this MQTT broker instead of the embedded one')
        .env('STILL_BROKER')
        .argParser(readBroker),
    )
    .addOption(
      new Option('--egress <rate>', 'the most that all downloads take together, such as 20MB a second, in equal shares')
        .env('STILL_EGRESS')
        .argParser(readRate),
    )
    .addHelpText('after', '\nPort 0 takes a free port. A host of 0.0.0.0 lets other machines in.')
    .allowExcessArguments(false)
    .exitOverride();
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    return { kind: 'done', exitCode: (error as { exitCode?: number }).exitCode === 0 ? 0 : WRONG_USAGE };
  }
  const { data, http, mqtt, broker, egress } = program.opts<Options>();
  const egressBytesPerSecond = egress ?? Number.POSITIVE_INFINITY;
  return {
    kind: 'config',
    config: { data: resolve(data), http, mqtt, broker: broker ?? null, egressBytesPerSecond },
  };
}

const WRONG_USAGE = 2;

function placeOption(flags: string, description: string, value: string, variable: string): Option {
  return new Option(flags, description).env(variable).argParser(readPlace).default(readPlace(value), value);
}

/** `127.0.0.1:8080`, `[::1]:8080`, `:8080` (every address), `8080` (loopback). */
export function readPlace(text: string): Place {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:\s/]*):)?(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[2]);
  if (!match || port > 65_535)
    throw new InvalidArgumentError(`"${text}" is no HOST:PORT such as 127.0.0.1:8080 or 0.0.0.0:8080`);
  const host = match[1] === undefined ? '127.0.0.1' : match[1].replace(/^\[|\]$/g, '') || '0.0.0.0';
  return { host, port };
}

function readBroker(text: string): string {
  const url = URL.parse(text);
  if (url && /^(mqtts?|wss?|tcp|ssl):$/.test(url.protocol)) return text;
  throw new InvalidArgumentError(`"${text}" is no MQTT URL such as mqtt://broker.local:1883`);
}

function readRate(text: string): number {
  const rate = parseByteRate(text);
  if (rate.kind === 'rate') return rate.bytesPerSecond;
  throw new InvalidArgumentError(rate.message);
}

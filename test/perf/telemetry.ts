// Telemetry through the whole way (MQTT, broker, decoder, SQLite) ÷ the batched better-sqlite3 ceiling: the same rows into
// the same table, 500 a transaction, nothing else. Both sides in one run, in turns.
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { MqttClient } from 'mqtt';
import { encode, type TelemetrySample } from '../../shared/messages.ts';
import { median } from '../../shared/statistics.ts';
import { upTopic } from '../../shared/topics.ts';
import { Fleet, type RunningServer, until } from '../e2e/fleet.ts';
import { connectAs, type RawDevice, rawDevice, sayHello } from '../e2e/raw-device.ts';
import type { PerfResult } from './result.ts';

const DEVICES = 20;
const SAMPLES_A_MESSAGE = 20;
const ROWS_A_ROUND = 40_000;
const ROUNDS = 5;
const CEILING_BATCH = 500;
const ROUND_MS = 60_000;

interface Sender {
  readonly device: RawDevice;
  readonly client: MqttClient;
}

export async function measureTelemetry(): Promise<PerfResult> {
  const fleet = new Fleet();
  try {
    const server = await fleet.server();
    const senders: Sender[] = [];
    for (let i = 0; i < DEVICES; i++) {
      const device = await rawDevice(server, `device-${i}`);
      const client = await connectAs(server, device);
      await sayHello(client, device);
      senders.push({ device, client });
    }
    const rounds: { through: number; ceiling: number }[] = [];
    for (let round = 0; round < ROUNDS; round++)
      rounds.push({ ceiling: ceilingRate(fleet, server, round), through: await throughRate(server, senders, round) });
    for (const { client } of senders) client.end(true);
    return report(rounds);
  } finally {
    await fleet.end();
  }
}

/** Rows a second from the first publish until the last row stands in the server's database. */
async function throughRate(server: RunningServer, senders: readonly Sender[], round: number): Promise<number> {
  const database = new Database(join(server.data, 'stillhouse.db'), { readonly: true });
  const count = database.prepare('select count(*) as n from telemetry');
  const stored = () => (count.get() as { n: number }).n;
  const before = stored();
  const startedAt = performance.now();
  const messages = ROWS_A_ROUND / senders.length / SAMPLES_A_MESSAGE;
  await Promise.all(
    senders.map(async ({ device, client }) => {
      for (let i = 0; i < messages; i++) {
        const samples = samplesFrom((round * messages + i) * SAMPLES_A_MESSAGE, SAMPLES_A_MESSAGE);
        await client.publishAsync(upTopic(device.deviceId, 'telemetry'), Buffer.from(encode({ samples })), { qos: 1 });
      }
    }),
  );
  await until('every row to be stored', ROUND_MS, () => stored() - before >= ROWS_A_ROUND);
  const seconds = (performance.now() - startedAt) / 1000;
  database.close();
  return ROWS_A_ROUND / seconds;
}

function ceilingRate(fleet: Fleet, server: RunningServer, round: number): number {
  const database = new Database(join(fleet.folder, `ceiling-${round}.db`));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  database.exec(tableOf(server));
  const insert = database.prepare('INSERT INTO telemetry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const batch = database.transaction((deviceId: string, samples: readonly TelemetrySample[]) => {
    for (const sample of samples) insert.run(deviceId, ...Object.values(sample));
  });
  const rows = samplesFrom(0, ROWS_A_ROUND / DEVICES);
  const startedAt = performance.now();
  for (let device = 0; device < DEVICES; device++)
    for (let at = 0; at < rows.length; at += CEILING_BATCH)
      batch(`device-${device}`, rows.slice(at, at + CEILING_BATCH));
  const seconds = (performance.now() - startedAt) / 1000;
  database.close();
  return ROWS_A_ROUND / seconds;
}

/** The server's own table, word for word, so that the ceiling is always that of what it stores. */
function tableOf(server: RunningServer): string {
  const database = new Database(join(server.data, 'stillhouse.db'), { readonly: true });
  const row = database.prepare("select sql from sqlite_master where name = 'telemetry'").get() as { sql: string };
  database.close();
  return row.sql;
}

function samplesFrom(first: number, count: number): TelemetrySample[] {
  return Array.from({ length: count }, (_, i) => ({
    atMs: 1_700_000_000_000 + first + i,
    agentRssBytes: 60_000_000 + i,
    engineRssBytes: 130_000_000,
    memoryAvailableBytes: 3_000_000_000,
    diskFreeBytes: 20_000_000_000,
    load1: 0.5,
    temperatureCelsius: 51.2,
    throttledFlags: 0,
  }));
}

function report(rounds: readonly { readonly through: number; readonly ceiling: number }[]): PerfResult {
  const ratios = rounds.map(({ through, ceiling }) => through / ceiling);
  const rate = (values: number[]) => Math.round(median(values)).toLocaleString('en');
  return {
    name: 'telemetry',
    what: 'telemetry rows stored through MQTT ÷ batched better-sqlite3',
    value: median(ratios),
    unit: 'ratio',
    goal: 0.5,
    goalIs: 'at least',
    spread: { low: Math.min(...ratios), high: Math.max(...ratios) },
    detail:
      `${rate(rounds.map(({ through }) => through))} rows/s ÷ ${rate(rounds.map(({ ceiling }) => ceiling))} rows/s, ` +
      `${ROUNDS} rounds of ${ROWS_A_ROUND} rows, ${DEVICES} devices, ${SAMPLES_A_MESSAGE} samples a message, sender on the same cores`,
  };
}

if (import.meta.main) console.log(await measureTelemetry());

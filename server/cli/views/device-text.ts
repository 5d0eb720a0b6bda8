import pc from 'picocolors';
import type { DeviceDetail } from '../../../shared/http-api.ts';
import { plural } from '../../../shared/plural.ts';
import { ago, bytes, moment } from '../../../shared/units.ts';
import { labels, presence, runs } from './devices-text.ts';
import { shadowText } from './shadow-text.ts';

export function deviceText(device: DeviceDetail, nowMs: number): string {
  const { inventory, telemetry } = device;
  const facts: [string, string][] = [
    ['state', `${presence(device, nowMs)}${device.online ? '' : lastSeen(device, nowMs)}`],
    ['runs', runs(device, nowMs)],
    ...device.running.map(({ model, version, variant }): [string, string] => [
      'variant',
      `${model}@${version} as ${variant}`,
    ]),
    ...leftAlone(device, nowMs),
    ['class', device.deviceClass],
    ['labels', labels(device.labels) || '–'],
    ['enrolled', moment(device.enrolledAtMs)],
  ];
  if (inventory)
    facts.push(
      [
        'hardware',
        [inventory.hardwareModel, inventory.cpuModel, plural(inventory.cores, 'core')].filter(Boolean).join(', '),
      ],
      [
        'memory',
        `${bytes(inventory.memoryBytes)}${telemetry ? `, ${bytes(telemetry.memoryAvailableBytes)} available` : ''}`,
      ],
      [
        'disk',
        `${bytes(telemetry?.diskFreeBytes ?? inventory.diskFreeBytes)} free of ${bytes(inventory.diskTotalBytes)}`,
      ],
      ['system', `${inventory.os}, Linux ${inventory.kernel}, ${inventory.architecture}`],
      ['runtimes', inventory.runtimes.map(({ runtime, version }) => `${runtime} ${version}`).join(', ') || 'none'],
      ['agent', `${inventory.agentVersion} on Node ${inventory.nodeVersion.replace(/^v/, '')}`],
    );
  if (telemetry) facts.push(['now', now(telemetry, nowMs)]);
  for (const shadow of device.shadows)
    facts.push(['shadow', `${shadow.model}@${shadow.version}: ${shadowText(shadow)}`]);
  for (const { model, version, state, reason } of device.installations)
    if (reason) facts.push(['last', `${model}@${version} ${state}: ${reason.message}`]);
  const width = Math.max(...facts.map(([name]) => name.length));
  return [pc.bold(device.name), ...facts.map(([name, value]) => `  ${pc.dim(name.padEnd(width))}  ${value}`)].join(
    '\n',
  );
}

/** Why the device leaves versions alone. */
const leftAlone = ({ running }: DeviceDetail, nowMs: number): [string, string][] =>
  running.flatMap(({ model, version, quarantine }) =>
    quarantine && quarantine.untilMs > nowMs
      ? [['left alone', pc.red(`${model}@${version}, because ${quarantine.message}`)]]
      : [],
  );

function lastSeen({ lastSeenMs, revoked }: DeviceDetail, nowMs: number): string {
  return revoked && lastSeenMs !== null ? `, last seen ${ago(lastSeenMs, nowMs)}` : '';
}

function now(sample: NonNullable<DeviceDetail['telemetry']>, nowMs: number): string {
  const parts = [
    `load ${sample.load1.toFixed(2)}`,
    `agent ${bytes(sample.agentRssBytes)}`,
    `engines ${bytes(sample.engineRssBytes)}`,
    ...(sample.temperatureCelsius === null ? [] : [`${sample.temperatureCelsius.toFixed(0)} °C`]),
    ...(sample.throttledFlags ? [pc.red(`throttled (0x${sample.throttledFlags.toString(16)})`)] : []),
  ];
  return `${parts.join(', ')} ${pc.dim(`(${ago(sample.atMs, nowMs)})`)}`;
}

import pc from 'picocolors';
import type { DeviceView } from '../../../shared/http-api.ts';
import { ago } from '../../../shared/units.ts';
import { columns } from '../columns.ts';

const HEADS = ['DEVICE', 'STATE', 'RUNS', 'CLASS', 'LABELS'].map((title) => ({ title }));

export function devicesText(devices: readonly DeviceView[], nowMs: number): string {
  if (devices.length === 0) return 'No devices. "still token create" makes a token with which one can join.';
  const rows = devices.map((device) => [
    pc.bold(device.name),
    presence(device, nowMs),
    runs(device, nowMs),
    device.deviceClass,
    labels(device.labels),
  ]);
  return columns(HEADS, rows);
}

export function presence({ online, revoked, lastSeenMs }: DeviceView, nowMs: number): string {
  if (revoked) return pc.red('revoked');
  if (online) return pc.green('online');
  return pc.yellow(lastSeenMs === null ? 'never seen' : `seen ${ago(lastSeenMs, nowMs)}`);
}

/** What it runs, and what is on its way: `stickers-lite@1.0.0 → 1.1.0 DOWNLOADING`. */
export function runs({ running, installations }: DeviceView, nowMs: number): string {
  const under = installations.filter(({ deadline }) => deadline !== null);
  const lines = running.map(({ model, version, role, quarantine }) => {
    const coming = under.find((installation) => installation.model === model);
    const way = coming ? pc.dim(` → ${coming.version} ${coming.state}`) : '';
    const left = (quarantine?.untilMs ?? 0) - nowMs;
    const alone =
      quarantine && left > 0
        ? pc.red(` quarantined for ${Math.ceil(left / 60_000)} min: its engine failed ${quarantine.crashes} times`)
        : '';
    return `${model}@${version}${role === 'shadow' ? ' (shadow)' : ''}${alone}${way}`;
  });
  const first = under.filter(({ model }) => !running.some((known) => known.model === model));
  return (
    [...lines, ...first.map(({ model, version, state }) => pc.dim(`→ ${model}@${version} ${state}`))].join(', ') || '–'
  );
}

export function labels(all: Readonly<Record<string, string>>): string {
  return Object.entries(all)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

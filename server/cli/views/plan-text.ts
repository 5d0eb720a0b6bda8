// What a rollout would do: who, in which wave, with which variant, and why some would refuse.
import pc from 'picocolors';
import type { AnswerOf } from '../../../shared/http-api.ts';
import { plural } from '../../../shared/plural.ts';
import { bytes } from '../../../shared/units.ts';
import { columns } from '../columns.ts';

const right = 'right' as const;
const HEADS = [
  { title: 'WAVE', align: right },
  { title: 'DEVICE' },
  { title: 'CLASS' },
  { title: 'VARIANT' },
  { title: 'DOWNLOAD', align: right },
  { title: 'PEAK MEMORY', align: right },
  { title: 'WHY' },
];

export function planText({ model, version, devices, conflicts }: AnswerOf<'planRollout'>): string {
  if (devices.length === 0) return 'No device matches.';
  const rows = devices.map((device) => [
    String(device.wave + 1),
    pc.bold(device.device),
    device.deviceClass,
    device.variant ?? pc.red('none fits'),
    bytes(device.bytes),
    device.predictedPeakBytes === null
      ? '–'
      : `${bytes(device.predictedPeakBytes)}${device.memoryBytes === null ? '' : ` of ${bytes(device.memoryBytes)}`}`,
    device.why,
  ]);
  const total = devices.reduce((sum, device) => sum + device.bytes, 0);
  return [
    columns(HEADS, rows),
    ...conflicts.map(({ message, takenOver }) => `${takenOver ? 'Note' : pc.red('It would be refused')}: ${message}.`),
    `${model}@${version} would go to ${plural(devices.length, 'device')}, ${bytes(total)} to download. Nothing was started.`,
  ].join('\n');
}

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

type RolloutPlan = AnswerOf<'planRollout'>;

/** Why the rollout itself would be refused; empty when it would start. */
export function planRefusals({ devices, conflicts }: RolloutPlan): string[] {
  const unfit = devices.filter(({ variant }) => variant === null).map(({ device }) => device);
  const held = conflicts.filter(({ takenOver }) => !takenOver).map(({ message }) => message);
  return [...held, ...(unfit.length > 0 ? [`no variant fits ${unfit.join(', ')}; leave them out`] : [])];
}

export function planText(plan: RolloutPlan): string {
  const { model, version, devices, conflicts } = plan;
  const refusals = planRefusals(plan);
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
    ...conflicts.filter(({ takenOver }) => takenOver).map(({ message }) => `Note: ${message}.`),
    ...refusals.map((message) => `${pc.red('It would be refused')}: ${message}.`),
    refusals.length > 0
      ? 'Nothing was started.'
      : `${model}@${version} would go to ${plural(devices.length, 'device')}, ${bytes(total)} to download. Nothing was started.`,
  ].join('\n');
}

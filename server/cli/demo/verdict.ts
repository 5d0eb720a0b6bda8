// Did the story truly hold? Asked of the server and the disk once more, at the end.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { StillError } from '../../../shared/errors.ts';
import type { DeviceView } from '../../../shared/http-api.ts';
import type { Outcome, Stage } from './story.ts';

/** @throws StillError that names everything that is not as it was told */
export async function requireTrue({ client, devices, second }: Stage, outcome: Outcome): Promise<void> {
  const fleet = await client.call('listDevices', {});
  const rollouts = await Promise.all(
    [...outcome.rollouts, outcome.stopped].map(({ rolloutId }) =>
      client.call('showRollout', { params: { rolloutId } }),
    ),
  );
  const stopped = rollouts.pop();
  const { version } = second.manifest;
  const problems = [
    ...devices.flatMap((name) => deviceFault(name, fleet, version)),
    ...rollouts.flatMap((rollout) =>
      rollout.state === 'SUCCEEDED' ? [] : [`${rollout.version}: ${rollout.explanation}`],
    ),
    ...(stopped?.state === 'STOPPED' ? [] : [`the damaged version was not stopped: ${stopped?.explanation}`]),
    ...devices
      .filter((name) => !outcome.table.some((row) => row.device === name && row.version === version))
      .map((name) => `the seed table has no row for ${version} on ${name}`),
    ...(await pictureFault(outcome)),
  ];
  if (problems.length === 0) return;
  throw new StillError('internal', 'the story did not hold', { problems: problems.map((message) => ({ message })) });
}

function deviceFault(name: string, fleet: readonly DeviceView[], version: string): string[] {
  const device = fleet.find((known) => known.name === name);
  if (!device?.online) return [`${name} is not online`];
  const current = device.running.filter(({ role }) => role === 'current');
  return current.some((running) => running.version === version)
    ? []
    : [`${name} runs ${current.map((running) => running.version).join(', ') || 'nothing'} and not ${version}`];
}

async function pictureFault({ picture }: Outcome): Promise<string[]> {
  const digest = createHash('sha256')
    .update(await readFile(picture.file))
    .digest('hex');
  return digest === picture.result.sha256 ? [] : [`${picture.file} is not the picture that the server has`];
}

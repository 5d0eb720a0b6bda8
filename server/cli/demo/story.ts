// The story in chapters. Each asks the server what is so already and goes on from there, so that a second start tells
// a true story as well; each ends in facts that the server gave, which `verdict.ts` checks at the end.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pc from 'picocolors';
import type { RolloutView, TableRow } from '../../../shared/http-api.ts';
import type { Manifest } from '../../../shared/manifest.ts';
import { plural } from '../../../shared/plural.ts';
import { bytes, parameters } from '../../../shared/units.ts';
import type { Client } from '../client.ts';
import { type Fetched, fetchPicture, writePicture } from '../fetch-picture.ts';
import { followJob, requireSuccess } from '../follow-job.ts';
import { halfBlocks } from '../half-blocks.ts';
import { publishFolder } from '../publish-folder.ts';
import { benchLine } from '../views/bench-text.ts';
import { pictureText } from '../views/picture-text.ts';
import { clauses, colourOf, mark } from '../views/rollout-text.ts';
import { seedTable } from '../views/seed-table.ts';
import { watchRollout } from '../watch-rollout.ts';
import { choosePrompt } from './choose-prompt.ts';
import { makeDamagedVersion } from './damaged-version.ts';
import type { Narrator } from './narrator.ts';
import { shortPath } from './short-path.ts';
import { nextMinor, type VersionFolder } from './versions.ts';

/** What the second version must reach on every device; a model that never did so itself is held to a little less. */
const QUALITY_GOAL = 4;
const QUALITY_TOLERANCE = 0.5;

export interface Stage {
  readonly client: Client;
  readonly narrator: Narrator;
  readonly folder: string;
  readonly devices: readonly string[];
  readonly first: VersionFolder;
  readonly second: VersionFolder;
  readonly signal: AbortSignal;
}

export interface Outcome {
  /** The rollouts of this start that must succeed. */
  readonly rollouts: readonly RolloutView[];
  readonly stopped: RolloutView;
  readonly table: readonly TableRow[];
  readonly picture: Fetched & { readonly file: string };
}

export async function tellStory(stage: Stage): Promise<Outcome> {
  await publishBoth(stage);
  await settle(stage);
  const rollouts = [...(await firstVersion(stage)), ...(await secondVersion(stage))];
  const table = await benchEverywhere(stage);
  const stopped = await damagedVersion(stage);
  const picture = await fetchOne(stage);
  return { rollouts, stopped, table, picture };
}

async function publishBoth(stage: Stage): Promise<void> {
  stage.narrator.chapter('Two versions of a distilled model are published');
  for (const { folder, manifest } of [stage.first, stage.second]) await publishOne(stage, folder, manifest);
}

async function publishOne({ client, narrator }: Stage, folder: string, manifest: Manifest): Promise<void> {
  const name = `${manifest.model}@${manifest.version}`;
  await narrator.timed(
    `checks and sends ${name}`,
    () => publishFolder(client, folder, () => undefined),
    ({ uploadedBytes, skippedBytes, variants }) =>
      `${pc.bold(name)}  ${parameters(Math.max(...variants.map((variant) => variant.parameters)))} parameters, ` +
      (uploadedBytes ? `${bytes(uploadedBytes)} sent` : `${bytes(skippedBytes)} there already`),
  );
}

/** Rollouts that an earlier start left behind come to their end first. */
async function settle({ client, narrator, signal }: Stage): Promise<void> {
  const rollouts = await client.call('listRollouts', { query: { limit: 20 } });
  for (const { rolloutId, state, model, version } of rollouts) {
    if (!['RUNNING', 'PAUSED', 'ROLLING_BACK'].includes(state)) continue;
    narrator.say(`The rollout of ${model}@${version} was under way when the demo last ended. It ends first.`);
    if (state === 'PAUSED') await client.call('abortRollout', { params: { rolloutId }, body: {} });
    await watchRollout({ client, screen: narrator.text }, rolloutId, signal);
  }
}

async function firstVersion(stage: Stage): Promise<RolloutView[]> {
  const { version } = stage.first.manifest;
  stage.narrator.chapter(`Every device gets ${version}`);
  const others = await devicesWithout(stage, [version, stage.second.manifest.version]);
  if (others.length === 0) return skipped(stage, 'Nothing to do: every device has had it since an earlier start.');
  return [await rollOut(stage, stage.first.manifest, others.join(','), ['100%'], ['failures<=0'])];
}

async function secondVersion(stage: Stage): Promise<RolloutView[]> {
  const { version } = stage.second.manifest;
  stage.narrator.chapter(`${version} follows in two waves, behind gates measured on the devices`);
  const others = await devicesWithout(stage, [version]);
  if (others.length === 0) return skipped(stage, `Nothing to do: every device runs ${version} since an earlier start.`);
  return [await rollOut(stage, stage.second.manifest, others.join(','), ['1', '100%'], gates(stage))];
}

function skipped({ narrator }: Stage, why: string): [] {
  narrator.say(why);
  return [];
}

async function devicesWithout({ client, devices, first }: Stage, versions: readonly string[]): Promise<string[]> {
  const fleet = await client.call('listDevices', {});
  const has = (name: string) =>
    fleet
      .find((device) => device.name === name)
      ?.running.some(({ model, version }) => model === first.manifest.model && versions.includes(version));
  return devices.filter((name) => !has(name));
}

function gates({ second }: Stage): string[] {
  const published = Math.min(...second.manifest.variants.map(({ scores }) => scores?.quality ?? 0));
  const quality = Math.min(QUALITY_GOAL, Math.floor((published - QUALITY_TOLERANCE) * 10) / 10);
  return [...(quality > 0 ? [`quality>=${quality.toFixed(1)}`] : []), 'memory.peak<=1GB', 'failures<=0'];
}

async function rollOut(
  { client, narrator, signal }: Stage,
  { model, version }: Manifest,
  to: string,
  waves: string[],
  conditions: string[],
): Promise<RolloutView> {
  const gateOptions = conditions.map((gate) => ` --gate '${gate}'`).join('');
  narrator.say(
    pc.dim(`still rollout start ${model}@${version} --to ${to} --waves ${waves.join(',')}${gateOptions} --wait`),
  );
  const start = performance.now();
  const body = { model, version, to, waves, gates: conditions };
  const { rolloutId } = await client.call('startRollout', { body });
  const rollout = await watchRollout({ client, screen: narrator.text }, rolloutId, signal);
  if (narrator.text.live) for (const line of finalLines(rollout)) narrator.say(line);
  narrator.finish(clauses(rollout).join('\n'), performance.now() - start);
  return rollout;
}

/** What is left on a terminal where the live view was. */
function finalLines({ waves }: RolloutView): string[] {
  return waves.flatMap(({ index, state, devices, gates: verdicts }) => [
    `wave ${index + 1}  ${colourOf(state)(state)}  ${devices.join(', ')}`,
    ...verdicts.map(({ verdict, explanation }) => `        ${mark(verdict)} ${explanation}`),
  ]);
}

async function benchEverywhere(stage: Stage): Promise<TableRow[]> {
  const { client, narrator, devices, second, signal } = stage;
  const { model, version } = second.manifest;
  narrator.chapter(`${plural(devices.length, 'device')} measure it: the seed table`);
  const nameWidth = Math.max(...devices.map((name) => name.length));
  // One after another: here they share one processor, and would slow each other down.
  for (const device of devices) {
    const body = { device, model, version, mode: 'quick' as const };
    const { benchRunId } = await client.call('requestBench', { body });
    const ask = () => client.call('showBenchRun', { params: { benchRunId } });
    const start = performance.now();
    const run = await followJob({ client, screen: narrator.text }, ask, signal);
    requireSuccess('the bench run', run);
    narrator.finish(benchLine(run, nameWidth), performance.now() - start);
  }
  const table = await client.call('table', { query: { model } });
  const rows = table.filter((row) => devices.includes(row.device));
  narrator.say(`\n${seedTable(rows)}`);
  return rows;
}

async function damagedVersion(stage: Stage): Promise<RolloutView> {
  const { narrator, second, devices, folder } = stage;
  narrator.chapter('A damaged version is stopped at its gate');
  const version = nextMinor(second.manifest.version);
  const target = join(folder, 'damaged', version);
  narrator.say(
    `${version} is ${second.manifest.version} with the words of its vocabulary mixed up. Its files are sound and its`,
  );
  narrator.say('pictures are clean, only they show the wrong things.');
  const manifest = await makeDamagedVersion(second.folder, target, version);
  await publishOne(stage, target, manifest);
  return rollOut(stage, manifest, devices.join(','), ['1', '100%'], gates(stage));
}

async function fetchOne({ client, narrator, folder, devices, second, signal }: Stage): Promise<Outcome['picture']> {
  const device = devices[0] ?? '';
  narrator.chapter(`A picture from ${device}`);
  const { prompt, seed } = await choosePrompt(second);
  narrator.say(pc.dim(`still picture ${device} "${prompt}" --seed ${seed}`));
  const file = join(folder, 'pictures', `${device}.png`);
  mkdirSync(join(folder, 'pictures'), { recursive: true });
  const screen = narrator.text;
  const start = performance.now();
  const fetched = await fetchPicture({ client, screen }, { device, prompt, seed }, { signal });
  await writePicture(file, fetched.png);
  if (screen.live && pc.isColorSupported) narrator.say(halfBlocks(fetched.png, screen.columns - 4).join('\n'));
  narrator.finish(pictureText(shortPath(file), fetched), performance.now() - start);
  return { ...fetched, file };
}

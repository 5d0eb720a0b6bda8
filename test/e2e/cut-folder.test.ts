// A folder whose denoiser was cut into parts, for devices with less memory than the whole: published, rolled out, and painted with.
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { pictureDifference } from '../../shared/picture-difference.ts';
import { Fleet } from './fleet.ts';

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));
const fleet = new Fleet();
afterAll(() => fleet.end());

it('is painted with by a device as by the whole', async () => {
  const server = await fleet.server();
  const json = async <T>(...args: string[]): Promise<T> => {
    const ran = await server.still([...args, '--json']);
    expect({ args, ...ran }).toMatchObject({ code: 0 });
    return JSON.parse(ran.stdout) as T;
  };
  const { token } = await json<{ token: string }>('token', 'create', '--expires', '1h');
  await fleet.agent(server, 'pi-small', { token });

  const whole = join(fixtures, 'pipelines/sd');
  const cut = join(fleet.folder, 'cut');
  cpSync(whole, cut, { recursive: true });
  rmSync(join(cut, 'unet/model.onnx'));
  cpSync(join(fixtures, 'sd-unet-parts'), join(cut, 'unet'), { recursive: true });

  await json('publish', cut, '--name', 'tiny-cut', '--version', '1.0.0', '--size', '64x64', '--steps', '2');
  type Published = { manifest: { artifacts: { path: string }[]; variants: { parameters: number; tiled?: boolean }[] } };
  const manifestOf = async (version: string) => {
    const { body } = await server.call('GET', `/v1/models/tiny-cut/versions/${version}`);
    return (body as Published).manifest;
  };
  const { artifacts, variants } = await manifestOf('1.0.0');
  const paths = artifacts.map(({ path }) => path);
  const parts = [1, 2, 3, 4].flatMap((n) => [`unet/part_0${n}.onnx`, `unet/part_0${n}.onnx_data`]);
  for (const name of ['unet/parts.json', ...parts]) expect(paths.some((path) => path.endsWith(name))).toBe(true);
  expect(await json('rollout', 'start', 'tiny-cut@1.0.0', '--to', 'all', '--wait')).toMatchObject({
    state: 'SUCCEEDED',
  });

  const file = (name: string) => join(fleet.folder, `${name}.png`);
  const asked = ['a red fox', '--seed', '42', '--steps', '3', '--guidance', '4.5', '--size', '48x64'];
  await json('picture', 'pi-small', ...asked, '--model', 'tiny-cut@1.0.0', '-o', file('device'));
  const here = await json<{ parameters: number }>('run', whole, ...asked, '-o', file('whole'));
  await json('run', cut, ...asked, '--in-turn', '-o', file('in-turn'));
  expect(variants[0]?.parameters).toBe(here.parameters);
  const device = readFileSync(file('device'));
  // Parts are loaded without the layouts that compute faster, and round differently in the last bit.
  const difference = pictureDifference(device, readFileSync(file('whole')));
  expect(difference.kind === 'compared' && difference.meanAbsoluteDifference).toBeLessThan(0.05);
  expect(readFileSync(file('in-turn')).equals(device)).toBe(true);

  // A picture of two tiles, which devices decode so without being asked.
  const wide = ['--size', '96x64', '--steps', '2'];
  await json('publish', cut, '--name', 'tiny-cut', '--version', '1.1.0', ...wide, '--tiled');
  expect((await manifestOf('1.1.0')).variants).toMatchObject([{ tiled: true }]);
  expect(await json('rollout', 'start', 'tiny-cut@1.1.0', '--to', 'all', '--wait')).toMatchObject({
    state: 'SUCCEEDED',
  });
  const request = ['a red fox', '--seed', '42', ...wide];
  await json('picture', 'pi-small', ...request, '--model', 'tiny-cut@1.1.0', '-o', file('device'));
  for (const [name, ...options] of [['tiles', '--tiled'], ['whole']] as const)
    await json('run', cut, ...request, ...options, '--in-turn', '-o', file(name));
  expect(readFileSync(file('device')).equals(readFileSync(file('tiles')))).toBe(true);
  expect(readFileSync(file('device')).equals(readFileSync(file('whole')))).toBe(false);
});

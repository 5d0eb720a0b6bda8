// Devices on which a version runs, as far as a test of what is asked of them has to begin.
import { advanceRollouts } from '../../server/actions/advance-rollouts.ts';
import { startRollout } from '../../server/actions/start-rollout.ts';
import { StartRolloutBody } from '../../shared/http-api.ts';
import { MadeDevice } from './made-device.ts';
import { publishMade } from './make-version.ts';
import type { TestWorld } from './make-world.ts';

/**
 * Enrolled at one site, and shapes@1.0.0 rolled out to all of them.
 *
 * @param latenciesMs by name, what each measured of it
 * @returns the devices in that order
 */
export async function runningFleet(
  world: TestWorld,
  latenciesMs: Readonly<Record<string, number>>,
): Promise<MadeDevice[]> {
  const fleet: { device: MadeDevice; latencyMsP50: number }[] = [];
  for (const [name, latencyMsP50] of Object.entries(latenciesMs))
    fleet.push({ device: await MadeDevice.enrol(world, name, { site: 'home' }), latencyMsP50 });
  for (const { device } of fleet) await device.hello();
  await publishMade(world, '1.0.0');
  const body = StartRolloutBody.parse({ model: 'shapes', version: '1.0.0', to: 'all' });
  await startRollout(world, { ...body, actor: 'test' });
  await advanceRollouts(world);
  for (const { device, latencyMsP50 } of fleet) {
    await device.receive();
    await device.install({ latencyMsP50 });
  }
  return fleet.map(({ device }) => device);
}

// The devices of a simulation: how they join, and who they are.
import { createToken } from '../../server/actions/create-token.ts';
import { enrolDevice } from '../../server/actions/enrol-device.ts';
import type { World } from '../../server/store/world.ts';
import { inventory } from '../raspberry-pi.ts';
import { SimDevice, type Surroundings } from './device.ts';
import type { Random } from './random.ts';

/** More devices than these live like those of a real fleet: a fault or an order is rarer, and there is more to each. */
const LARGE = 50;
export const isLarge = (devices: readonly unknown[]): boolean => devices.length > LARGE;

const SITES = ['home', 'shop', 'lab'] as const;
const CLOCKS_OFF_MS = 3 * 60_000;

export class Fleet {
  readonly devices: SimDevice[] = [];
  private readonly byId = new Map<string, SimDevice>();
  private readonly around: Surroundings;
  private readonly random: Random;
  private names = 0;

  constructor(around: Surroundings, random: Random) {
    this.around = around;
    this.random = random;
  }

  of(deviceId: string): SimDevice | undefined {
    return this.byId.get(deviceId);
  }

  /** Those that are still part of it. */
  get present(): SimDevice[] {
    return this.devices.filter(({ isGone }) => !isGone);
  }

  /** Enrols one and starts it. @param clocksDiffer whether its clock may be wrong */
  async join(world: World, { clocksDiffer }: { clocksDiffer: boolean }): Promise<SimDevice> {
    const name = `pi-${++this.names}`;
    const labels = { site: this.random.pick(SITES) };
    const token = await createToken(world, { uses: 1, expiresInMs: 3600_000, labels, actor: 'simulation' });
    const { deviceId, credential } = await enrolDevice(world, { token: token.token, name, labels: {}, inventory });
    const device = new SimDevice({ name, deviceId, credential }, this.around, this.random.fork(name));
    if (clocksDiffer) device.skewMs = this.random.int(-CLOCKS_OFF_MS, CLOCKS_OFF_MS);
    this.devices.push(device);
    this.byId.set(deviceId, device);
    this.around.schedule.after(this.random.around(2000), `${name} boots`, () => device.boot());
    return device;
  }
}

import { StillError } from '../../shared/errors.ts';
import { matches, parseSelector } from '../../shared/targets.ts';
import { labelDevice } from '../actions/label-device.ts';
import { revokeDevice } from '../actions/revoke-device.ts';
import { viewDeviceDetail, viewDevices } from '../store/device-views.ts';
import * as devices from '../store/devices.ts';
import type { World } from '../store/world.ts';
import type { Handlers } from './route.ts';

/** @param kick ends a device's connection */
export function deviceHandlers(
  world: World,
  kick: (deviceId: string) => void,
): Pick<Handlers, 'listDevices' | 'showDevice' | 'labelDevice' | 'revokeDevice'> {
  const { db } = world.store;
  const show = async (name: string) => {
    const device = await devices.byName(db, name);
    if (!device) throw new StillError('not_found', `no device "${name}"; see "still devices"`);
    return viewDeviceDetail(db, device);
  };
  return {
    listDevices: async ({ query: { selector = 'all' } }) => {
      const parsed = parseSelector(selector);
      if (parsed.kind === 'unreadable')
        throw new StillError('invalid_input', parsed.message, {
          problems: [{ field: 'selector', message: parsed.message }],
        });
      const matching = (await devices.list(db)).filter((device) => matches(parsed.selector, device));
      return viewDevices(db, matching);
    },
    showDevice: async ({ params: { name } }) => show(name),
    labelDevice: async ({ params: { name }, body: { set, remove }, actor }) => {
      await labelDevice(world, { name, set, remove, actor });
      return show(name);
    },
    revokeDevice: async ({ params: { name }, actor }) => {
      kick(await revokeDevice(world, { name, actor }));
      return show(name);
    },
  };
}

import { StillError } from '../../shared/errors.ts';
import { matches, parseTarget } from '../../shared/targets.ts';
import { labelDevice } from '../actions/label-device.ts';
import { revokeDevice } from '../actions/revoke-device.ts';
import { viewDeviceDetail, viewDevices } from '../store/device-views.ts';
import { viewDeviceWhy } from '../store/device-why.ts';
import * as devices from '../store/devices.ts';
import * as groups from '../store/groups.ts';
import type { World } from '../store/world.ts';
import type { Handlers } from './route.ts';

/** @param kick ends a device's connection */
export function deviceHandlers(
  world: World,
  kick: (deviceId: string) => void,
): Pick<Handlers, 'listDevices' | 'showDevice' | 'whyDevice' | 'labelDevice' | 'revokeDevice'> {
  const { db } = world.store;
  const show = async (name: string) => viewDeviceDetail(db, await devices.get(db, name));
  return {
    listDevices: async ({ query: { selector = 'all' } }) => {
      const parsed = parseTarget(selector);
      const message =
        parsed.kind === 'unreadable'
          ? parsed.message
          : parsed.target.percent !== null
            ? 'a share is for rollouts'
            : null;
      if (parsed.kind === 'unreadable' || message !== null)
        throw new StillError('invalid_input', message ?? '', {
          problems: [{ field: 'selector', message: message ?? '' }],
        });
      const of = await groups.selectorOf(db, parsed.target.of);
      const matching = (await devices.list(db)).filter((device) => matches(of, device));
      return viewDevices(db, matching);
    },
    showDevice: async ({ params: { name } }) => show(name),
    whyDevice: async ({ params: { name } }) => viewDeviceWhy(db, await devices.get(db, name)),
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

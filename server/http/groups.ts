import { removeGroup } from '../actions/remove-group.ts';
import { saveGroup } from '../actions/save-group.ts';
import * as groups from '../store/groups.ts';
import type { World } from '../store/world.ts';
import type { Handlers } from './route.ts';

export function groupHandlers(world: World): Pick<Handlers, 'listGroups' | 'saveGroup' | 'removeGroup'> {
  const { db } = world.store;
  return {
    listGroups: () => groups.list(db),
    saveGroup: async ({ params: { name }, body: { selector }, actor }) => {
      await saveGroup(world, { name, selector, actor });
      return groups.get(db, name);
    },
    removeGroup: ({ params: { name }, actor }) => removeGroup(world, { name, actor }),
  };
}

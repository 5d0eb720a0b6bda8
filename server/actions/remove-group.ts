import type { GroupView } from '../../shared/http-api.ts';
import * as audit from '../store/audit.ts';
import * as groups from '../store/groups.ts';
import type { World } from '../store/world.ts';

/** @returns the group that is no more */
export async function removeGroup(
  { store, clock }: World,
  { name, actor }: { name: string; actor: string },
): Promise<GroupView> {
  const atMs = clock.now();
  return store.write(async (tx) => {
    const group = await groups.get(tx, name);
    await groups.remove(tx, name);
    await audit.append(tx, {
      atMs,
      actor,
      action: 'remove-group',
      subject: name,
      details: { selector: group.selector },
    });
    return group;
  });
}

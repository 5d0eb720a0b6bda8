import { StillError } from '../../shared/errors.ts';
import { parseSelector } from '../../shared/targets.ts';
import * as audit from '../store/audit.ts';
import * as groups from '../store/groups.ts';
import type { World } from '../store/world.ts';

/** Keeps a selector under a name; what the name held before is replaced. Rollouts that began with it keep their devices. */
export async function saveGroup(
  { store, clock }: World,
  { name, selector, actor }: { name: string; selector: string; actor: string },
): Promise<void> {
  const atMs = clock.now();
  const parsed = parseSelector(selector);
  if (parsed.kind === 'unreadable')
    throw new StillError('invalid_input', parsed.message, {
      problems: [{ field: 'selector', message: parsed.message }],
    });
  await store.write(async (tx) => {
    await groups.save(tx, { name, selector, savedAtMs: atMs, savedBy: actor });
    await audit.append(tx, { atMs, actor, action: 'save-group', subject: name, details: { selector } });
  });
}

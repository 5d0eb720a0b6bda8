// Selectors under a name: `@kitchens`.
import { StillError } from '../../shared/errors.ts';
import type { GroupView } from '../../shared/http-api.ts';
import { parseSelector, type Selector, type Target } from '../../shared/targets.ts';
import type { Db } from './database.ts';

export async function save(tx: Db, group: GroupView): Promise<void> {
  const columns = { selector: group.selector, saved_ms: group.savedAtMs, saved_by: group.savedBy };
  await tx
    .insertInto('groups')
    .values({ name: group.name, ...columns })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(columns))
    .execute();
}

export async function remove(tx: Db, name: string): Promise<void> {
  await tx.deleteFrom('groups').where('name', '=', name).execute();
}

export async function list(db: Db): Promise<GroupView[]> {
  const rows = await db.selectFrom('groups').selectAll().orderBy('name').execute();
  return rows.map((row) => ({
    name: row.name,
    selector: row.selector,
    savedAtMs: row.saved_ms,
    savedBy: row.saved_by,
  }));
}

/** @throws StillError `not_found` */
export async function get(db: Db, name: string): Promise<GroupView> {
  const found = (await list(db)).find((group) => group.name === name);
  if (!found) throw new StillError('not_found', `no group "@${name}"; "still group list" lists them`);
  return found;
}

/** The selector itself, or the one that the group holds. */
export async function selectorOf(db: Db, of: Target['of']): Promise<Selector> {
  if (of.kind !== 'group') return of;
  const parsed = parseSelector((await get(db, of.name)).selector);
  if (parsed.kind === 'unreadable') throw new StillError('internal', parsed.message);
  return parsed.selector;
}

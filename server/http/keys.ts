import { createKey } from '../actions/create-key.ts';
import { revokeKey } from '../actions/revoke-key.ts';
import * as apiKeys from '../store/api-keys.ts';
import * as audit from '../store/audit.ts';
import type { World } from '../store/world.ts';
import type { Handlers } from './route.ts';

export function keyHandlers(world: World): Pick<Handlers, 'createKey' | 'listKeys' | 'revokeKey' | 'listAudit'> {
  const { db } = world.store;
  return {
    createKey: async ({ body: { name, scope }, actor }) => {
      const { key, ...created } = await createKey(world, { name, scope, actor });
      return { ...viewKey(created), key };
    },
    listKeys: async () => (await apiKeys.list(db)).map(viewKey),
    revokeKey: async ({ params: { keyId }, actor }) => viewKey(await revokeKey(world, { keyId, actor })),
    listAudit: async ({ query }) =>
      (await audit.list(db, query.limit)).map((record) => ({ ...record, details: { ...record.details } })),
  };
}

function viewKey({ keyId, name, scope, createdAtMs, revoked }: apiKeys.ApiKey) {
  return { keyId, name, scope, createdAtMs, revoked };
}

// Who calls: a key, a device, or nobody; and whether the route is for them.
import type { Request } from 'express';
import { StillError } from '../../shared/errors.ts';
import type { Access, Route, Scope } from '../../shared/http-api.ts';
import * as apiKeys from '../store/api-keys.ts';
import type { Db } from '../store/database.ts';
import * as devices from '../store/devices.ts';
import { isSecret, parseSecret } from '../store/secrets.ts';
import type { FailedAttempts } from './failed-attempts.ts';
import type { Caller } from './route.ts';

const RANK: Record<Scope, number> = { viewer: 0, operator: 1, admin: 2 };

export interface Doorkeeper {
  readonly db: Db;
  readonly failed: FailedAttempts;
}

/** @throws StillError `unauthenticated`, `forbidden`, `too_many` */
export async function authenticate(
  { db, failed }: Doorkeeper,
  request: Request,
  access: Route['access'],
): Promise<Caller> {
  const allowed: readonly Access[] = typeof access === 'string' ? [access] : access;
  if (allowed.includes('public')) return { kind: 'nobody' };
  const caller = await callerOf(db, request);
  if (!caller) {
    failed.count(request.socket.remoteAddress ?? '');
    throw new StillError('unauthenticated', 'send "Authorization: Bearer KEY" with a key that holds');
  }
  if (!allowed.some((one) => mayEnter(caller, one)))
    throw new StillError('forbidden', `${describe(caller)} may not do this; it takes ${allowed.join(' or ')}`);
  return caller;
}

async function callerOf(db: Db, request: Request): Promise<Caller | null> {
  const text = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
  const parsed = text === undefined ? null : parseSecret(text);
  if (parsed?.kind === 'sk') {
    const key = await apiKeys.find(db, parsed.id);
    if (!key || key.revoked || !isSecret(parsed.secret, key.secretSha256)) return null;
    return { kind: 'key', keyId: key.keyId, name: key.name, scope: key.scope };
  }
  if (parsed?.kind !== 'sd') return null;
  const hash = await devices.credentialOf(db, parsed.id);
  if (hash === null || !isSecret(parsed.secret, hash)) return null;
  const presence = await devices.presence(db, parsed.id);
  return presence && { kind: 'device', deviceId: parsed.id, name: presence.name };
}

function mayEnter(caller: Caller, access: Access): boolean {
  if (access === 'public') return true;
  if (caller.kind === 'device') return access === 'device';
  return caller.kind === 'key' && access !== 'device' && RANK[caller.scope] >= RANK[access];
}

const describe = (caller: Caller) => (caller.kind === 'key' ? `a key of scope ${caller.scope}` : `a ${caller.kind}`);

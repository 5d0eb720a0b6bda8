import { StillError } from '../../shared/errors.ts';
import { type Labels, newId } from '../../shared/ids.ts';
import { deviceClassOf, type Inventory } from '../../shared/inventory.ts';
import { limits } from '../../shared/limits.ts';
import * as audit from '../store/audit.ts';
import type { Db } from '../store/database.ts';
import * as devices from '../store/devices.ts';
import * as enrolmentTokens from '../store/enrolment-tokens.ts';
import * as events from '../store/events.ts';
import { isSecret, newSecret, parseSecret } from '../store/secrets.ts';
import type { World } from '../store/world.ts';

export interface Enrolled {
  readonly deviceId: string;
  /** `sd_<device id>_<secret>`, told this once. */
  readonly credential: string;
}

/**
 * Trades one use of a token for a device's id and secret.
 *
 * @throws StillError `unauthenticated` for a token that does not hold, `conflict` for a name that is taken
 */
export async function enrolDevice(
  { store, clock, randomness }: World,
  request: { token: string; name: string; labels: Labels; inventory: Inventory },
): Promise<Enrolled> {
  const atMs = clock.now();
  const { name, inventory } = request;
  return store.write(async (tx) => {
    const token = await checkToken(tx, request.token, atMs);
    const labels = { ...request.labels, ...token.labels };
    if (Object.keys(labels).length > limits.labelsPerDevice)
      throw new StillError('unprocessable', `more than ${limits.labelsPerDevice} labels`);
    const holder = await devices.byName(tx, name);
    if (holder && !holder.revoked) return repeatEnrolment(tx, holder, token.tokenId);
    if (token.usesLeft < 1) throw new StillError('unauthenticated', 'this token has been used up; create another one');
    await enrolmentTokens.takeUse(tx, token.tokenId);
    const deviceId = newId('dev', atMs, randomness.bytes);
    const { text, sha256 } = newSecret('sd', deviceId, randomness);
    const deviceClass = deviceClassOf(inventory);
    const { tokenId } = token;
    await devices.insert(tx, {
      deviceId,
      name,
      deviceClass,
      secretSha256: sha256,
      tokenId,
      enrolledAtMs: atMs,
      inventory,
    });
    await devices.setLabels(tx, deviceId, labels);
    await audit.append(tx, { atMs, actor: `device:${name}`, action: 'enrol', subject: deviceId, details: { tokenId } });
    await events.append(tx, { atMs, kind: 'device', subject: name, details: { deviceId, enrolled: true } });
    return { deviceId, credential: text };
  });

  /** An agent that was cut off before it heard its credential may ask again, with the same token. */
  async function repeatEnrolment(tx: Db, device: devices.Device, tokenId: string): Promise<Enrolled> {
    if (device.lastSeenMs !== null || device.tokenId !== tokenId)
      throw new StillError(
        'conflict',
        `another device has the name "${device.name}"; choose another one, or revoke that device first`,
        { problems: [{ field: 'name', message: 'names are unique' }] },
      );
    const { deviceId } = device;
    const { text, sha256 } = newSecret('sd', deviceId, randomness);
    await devices.update(tx, deviceId, { secretSha256: sha256 });
    await audit.append(tx, {
      atMs,
      actor: `device:${device.name}`,
      action: 'enrol-again',
      subject: deviceId,
      details: { tokenId },
    });
    return { deviceId, credential: text };
  }
}

async function checkToken(tx: Db, text: string, nowMs: number): Promise<enrolmentTokens.EnrolmentToken> {
  const parsed = parseSecret(text);
  const token = parsed?.kind === 'st' ? await enrolmentTokens.find(tx, parsed.id) : null;
  if (!parsed || !token || !isSecret(parsed.secret, token.secretSha256))
    throw new StillError('unauthenticated', 'this token is not known here; create one with "still token create"');
  if (token.expiresAtMs <= nowMs)
    throw new StillError(
      'unauthenticated',
      `this token expired at ${new Date(token.expiresAtMs).toISOString()}; create another one`,
    );
  return token;
}

import { StillError } from '../../shared/errors.ts';
import { createToken } from '../actions/create-token.ts';
import { enrolDevice } from '../actions/enrol-device.ts';
import * as enrolmentTokens from '../store/enrolment-tokens.ts';
import type { World } from '../store/world.ts';
import type { FailedAttempts } from './failed-attempts.ts';
import type { Handlers } from './route.ts';

export interface MqttAddress {
  readonly port: number;
  /** The whole URL where the broker is another host. */
  readonly url: string | null;
}

export function enrolmentHandlers(
  world: World,
  { mqtt, failed }: { mqtt: MqttAddress; failed: FailedAttempts },
): Pick<Handlers, 'enrol' | 'createToken' | 'listTokens'> {
  return {
    enrol: async ({ body, request }) => {
      const { token, name, labels = {}, inventory } = body;
      try {
        const enrolled = await enrolDevice(world, { token, name, labels, inventory });
        return { ...enrolled, mqtt: { ...mqtt }, serverTimeMs: world.clock.now() };
      } catch (error) {
        if (error instanceof StillError && error.code === 'unauthenticated')
          failed.count(request.socket.remoteAddress ?? '');
        throw error;
      }
    },
    createToken: async ({ body, actor }) => {
      const { token, ...created } = await createToken(world, { ...body, actor });
      return { ...viewToken(created), token };
    },
    listTokens: async () => (await enrolmentTokens.list(world.store.db)).map(viewToken),
  };
}

function viewToken({ tokenId, usesLeft, expiresAtMs, labels, createdAtMs }: enrolmentTokens.EnrolmentToken) {
  return { tokenId, usesLeft, expiresAtMs, labels, createdAtMs };
}

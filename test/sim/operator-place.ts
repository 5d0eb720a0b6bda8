// What simulated operators see and do.
import type { World } from '../../server/store/world.ts';
import type { SimBroker } from './broker.ts';
import type { ServerChecker } from './checkers/server-checker.ts';
import type { Fleet } from './fleet.ts';
import type { Journal } from './journal.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';
import type { SimServer } from './server.ts';
import type { MadeVersion } from './versions.ts';
import type { Violation } from './violation.ts';

export interface OperatorPlace {
  readonly schedule: Schedule;
  readonly journal: Journal;
  readonly random: Random;
  readonly broker: SimBroker;
  readonly server: SimServer;
  readonly fleet: Fleet;
  readonly versions: readonly MadeVersion[];
  readonly checker: ServerChecker;
  /** Something was asked of the server. */
  readonly asked: (weight: number) => void;
  readonly violated: (violation: Violation) => void;
  /** Starts, pauses, approvals and aborts alone, as seeds were kept before operators had the other orders. */
  readonly isPlain: boolean;
}

export type Deed = (place: OperatorPlace, world: World) => Promise<unknown>;

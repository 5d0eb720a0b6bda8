// Mistakes that the simulator can be told to make in the wiring, to see whether its checkers find them. Production code
// has no such switch: each bug is a wrapper that only the simulation's own composition puts around a part.
import type { Database } from 'better-sqlite3';
import type { Mailbox } from '../../agent/mailbox.ts';
import type { Outbox } from '../../agent/mqtt/outbox.ts';
import type { Disk } from '../../agent/store/disk.ts';
import type { Store } from '../../agent/store/open-store.ts';
import type { World } from '../../server/store/world.ts';
import type { Task } from '../../server/tick.ts';
import type { Clock } from '../../shared/clock.ts';

/** A device as far as a bug needs it. */
export interface BuggedDevice {
  readonly database: { neverDurable: boolean; readonly sqlite: Database };
  readonly disk: { rename(from: string, to: string): void };
}

export interface AgentBugs {
  readonly disk?: (disk: Disk) => Disk;
  readonly store?: (store: Store, device: BuggedDevice) => Store;
  readonly mailbox?: (mailbox: Mailbox, store: Store) => Mailbox;
  readonly outbox?: (store: Store, clock: Clock) => Outbox;
  readonly started?: (device: BuggedDevice) => void;
}

type Receive = (topic: string, payload: Uint8Array) => Promise<void>;
type Publish = (topic: string, payload: Buffer) => Promise<unknown>;

export interface ServerBugs {
  /** Each time the database is opened. */
  readonly opened?: (sqlite: Database) => void;
  readonly receive?: (receive: Receive, world: World, publish: Publish) => Receive;
  readonly tasks?: (tasks: Task[]) => Task[];
}

export interface Bug {
  readonly agent?: AgentBugs;
  readonly server?: ServerBugs;
}

import type { Database, Statement } from 'better-sqlite3';
import { DesiredState } from '../../shared/desired-state.ts';

/** The newest desired state; an older generation never replaces it. */
export class Desired {
  private readonly read: Statement<[], { state: string }>;
  private readonly write: Statement<[string]>;

  constructor(database: Database) {
    this.read = database.prepare('SELECT state FROM desired');
    this.write = database.prepare('INSERT OR REPLACE INTO desired (only, state) VALUES (1, ?)');
  }

  get(): DesiredState | null {
    const row = this.read.get();
    return row ? DesiredState.parse(JSON.parse(row.state)) : null;
  }

  /** @returns whether it was newer than what was stored */
  put(desired: DesiredState): boolean {
    const known = this.get();
    if (known && known.generation >= desired.generation) return false;
    this.write.run(JSON.stringify(desired));
    return true;
  }
}

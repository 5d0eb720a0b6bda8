// What every action is handed: the store, and time and randomness, so that a simulation can hand in its own.
import type { Clock, Randomness } from '../../shared/clock.ts';
import type { Store } from './open-store.ts';

export type LogLevel = 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, message: string, details?: Readonly<Record<string, unknown>>) => void;

export interface World {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Log;
}

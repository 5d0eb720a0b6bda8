// A state machine as a table, and the small walker that reads it. Both ends walk the same tables.

export interface StateRow<S extends string> {
  /** Who moves the machine out of this state; nobody when the state is final. */
  readonly owner: 'server' | 'device' | 'nobody';
  /** How long the state may last, in milliseconds; null only in final states. */
  readonly deadlineMs: number | null;
  /** Where it goes when the deadline passes. */
  readonly onDeadline: S | null;
  readonly next: readonly S[];
}

/** The row of a state that nothing leaves. */
export const final = { owner: 'nobody', deadlineMs: null, onDeadline: null, next: [] } as const;

export type Table<S extends string> = { readonly [state in S]: StateRow<S> };

/** The verdict on one proposed transition. A repeated report of the present state is no fault and changes nothing. */
export type Step<S extends string> =
  | { readonly kind: 'moved'; readonly from: S; readonly to: S }
  | { readonly kind: 'same'; readonly state: S }
  | { readonly kind: 'illegal'; readonly from: S; readonly to: S; readonly message: string };

export function step<S extends string>(table: Table<S>, from: S, to: S): Step<S> {
  if (from === to) return { kind: 'same', state: from };
  if (table[from].next.includes(to)) return { kind: 'moved', from, to };
  return { kind: 'illegal', from, to, message: `no transition leads from ${from} to ${to}` };
}

export function isFinal<S extends string>(table: Table<S>, state: S): boolean {
  return table[state].owner === 'nobody';
}

/** When the state entered at `sinceMs` runs out, UTC milliseconds; null for a final state. */
export function deadlineOf<S extends string>(table: Table<S>, state: S, sinceMs: number): number | null {
  const { deadlineMs } = table[state];
  return deadlineMs === null ? null : sinceMs + deadlineMs;
}

/** The states reachable from `from` by legal transitions, `from` itself left out. */
export function reachable<S extends string>(table: Table<S>, from: S): Set<S> {
  const seen = new Set<S>();
  const open = [...table[from].next];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (seen.has(state)) continue;
    seen.add(state);
    open.push(...table[state].next);
  }
  return seen;
}

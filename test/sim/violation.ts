/** What must never be was seen. */
export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, what: string) {
    super(`${invariant}: ${what}`);
    this.invariant = invariant;
  }
}

export type Invariant =
  | 'legal transitions'
  | 'no mixture'
  | 'deadlines'
  | 'acknowledged is stored once'
  | 'generations grow'
  | 'waves hold'
  | 'hand-overs'
  | 'pace'
  | 'attempts are bounded'
  | 'one rollout a device'
  | 'shadows stay shadows'
  | 'one of two operators'
  | 'rest when there is nothing to do'
  | 'convergence';

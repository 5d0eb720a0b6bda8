// Two rollouts never fight over a device: the later one is refused, or takes the device over by higher priority or because
// its operator said so.
export interface OtherRollout {
  readonly rolloutId: string;
  readonly model: string;
  readonly version: string;
  readonly priority: number;
  readonly startedBy: string;
  readonly startedAtMs: number;
  /** Names of the devices that both want. */
  readonly devices: readonly string[];
}

export interface Conflict {
  readonly rolloutId: string;
  readonly message: string;
  /** `end`: it ends; `take`: it goes on without these devices; null: the new one is refused. */
  readonly remedy: 'end' | 'take' | null;
}

export function conflictsOf(
  others: readonly OtherRollout[],
  { priority, supersede }: { readonly priority: number; readonly supersede: boolean },
): Conflict[] {
  return others.map((other) => {
    const { rolloutId, devices, model, version } = other;
    const [first = '', ...more] = devices;
    const who = more.length > 0 ? `${first} and ${more.length} more already belong` : `${first} already belongs`;
    const what =
      `${who} to rollout ${rolloutId} of ${model}@${version}, ` +
      `started by ${other.startedBy} at ${new Date(other.startedAtMs).toISOString()} with priority ${other.priority}`;
    if (supersede) return { rolloutId, remedy: 'end', message: `${what}; it ends` };
    if (priority > other.priority) return { rolloutId, remedy: 'take', message: `${what}; it goes on without them` };
    const ways = `wait for it, abort it, or start with --supersede or with a priority above ${other.priority}`;
    return { rolloutId, remedy: null, message: `${what}; ${ways}` };
  });
}

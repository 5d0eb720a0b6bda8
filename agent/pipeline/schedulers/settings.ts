// Reads settings of a scheduler_config.json by name; what changes the result and is not done here is refused, not ignored.

export type SchedulerConfig = Readonly<Record<string, unknown>>;

/** @throws RangeError that names the setting */
export function numberOf(config: SchedulerConfig, name: string, fallback: number): number {
  const value = config[name] ?? fallback;
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(`scheduler setting ${name} is ${JSON.stringify(value)}; expected a number from 0 up`);
}

/** @throws RangeError that names the setting and the bounds */
export function countOf(config: SchedulerConfig, name: string, fallback: number): number {
  const value = config[name] ?? fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 100_000) return value;
  throw new RangeError(`scheduler setting ${name} is ${JSON.stringify(value)}; expected a whole number, 1 to 100000`);
}

/** @throws RangeError that names the setting and the choices */
export function choiceOf<T extends string>(config: SchedulerConfig, name: string, known: readonly [T, ...T[]]): T {
  const value = config[name] ?? known[0];
  const found = known.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new RangeError(`scheduler setting ${name} is ${JSON.stringify(value)}; known: ${known.join(', ')}`);
}

/**
 * A choice whose name another class gives choices of its own: where a request changes the class, those mean the first one here, as
 * in the reference.
 *
 * @throws RangeError that names the setting and the choices
 */
export function ownChoiceOf<T extends string>(
  config: SchedulerConfig,
  name: string,
  { known, elsewhere }: { readonly known: readonly [T, ...T[]]; readonly elsewhere: readonly string[] },
): T {
  const value = config[name];
  return typeof value === 'string' && elsewhere.includes(value) ? known[0] : choiceOf(config, name, known);
}

/** @throws RangeError that names the first setting that is on */
export function refuse(config: SchedulerConfig, settings: readonly string[]): void {
  for (const setting of settings) {
    if (config[setting]) throw new RangeError(`scheduler setting ${setting} is not supported; leave it out`);
  }
}

/** @throws RangeError that names both numbers */
export function requireSteps(steps: number, most: number): void {
  if (!Number.isInteger(steps) || steps < 1 || steps > most)
    throw new RangeError(`steps: ${steps} is not possible; this scheduler takes 1 to ${most}`);
}

/** @throws RangeError that names the setting */
export function positiveOf(config: SchedulerConfig, name: string, fallback: number): number {
  const value = config[name] ?? fallback;
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`scheduler setting ${name} is ${JSON.stringify(value)}; expected a positive number`);
}

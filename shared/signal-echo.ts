// The terminal sends Ctrl-C to every process of a command, and those that started one (npm, the launcher under an older
// Node) pass theirs on: one press, heard twice. A process that lets the second one pass has to end by `process.exit`: where the
// event loop runs dry, Node gives its handlers back some milliseconds before the end, and the signal decides the exit code.

/** A signal, and when it came by a clock that only goes forward. */
export interface HeardSignal {
  readonly signal: NodeJS.Signals;
  readonly atMs: number;
}

/** Sooner than a person presses twice on purpose, later than a signal takes through two processes. */
const ECHO_MS = 300;

/** Whether `later` is the same press of Ctrl-C as `first`. */
export function isEcho(first: HeardSignal, later: HeardSignal): boolean {
  return first.signal === 'SIGINT' && later.signal === 'SIGINT' && later.atMs - first.atMs <= ECHO_MS;
}

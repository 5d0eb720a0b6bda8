// Which pipeline a model_index.json names.

/** What the Python classes of optimum put before the reference's name when they save what they exported. */
const OF_A_RUNTIME = /^(?:ORT|OV)(?=[A-Z][a-z])/;

/** @returns the reference's name of the class; null where none stands there */
export function pipelineClass({ _class_name: name }: Readonly<Record<string, unknown>>): string | null {
  return typeof name === 'string' ? name.replace(OF_A_RUNTIME, '') : null;
}

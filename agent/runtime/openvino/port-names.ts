// A port of an IR may have several names ("/body/Cast_output_0,sample", "83,hidden_states.1"), and the C API gives the first by
// the alphabet. The name that the pipeline knows is the one that a person gave: neither a path nor the number of a value in a trace.

const GIVEN_BY_A_PERSON = /^[A-Za-z_][\w.]*$/;
const ESCAPED_COMMA = String.fromCharCode(0);

/**
 * @param given the name that the library gives
 * @param xml the text of the .xml file
 */
export function preferredName(given: string, xml: () => string): string {
  if (GIVEN_BY_A_PERSON.test(given)) return given;
  for (const [, names = ''] of xml().matchAll(/ names="([^"]*)"/g)) {
    const all = names.replaceAll('\\,', ESCAPED_COMMA).split(',').map(plainName);
    if (all.includes(given)) return all.find((name) => GIVEN_BY_A_PERSON.test(name)) ?? given;
  }
  return given;
}

const plainName = (name: string): string => name.replaceAll(ESCAPED_COMMA, ',').replaceAll('&amp;', '&');

// Who a rollout or a request is for: device names and label selectors, in the syntax of Kubernetes' set-based ones.
import { DeviceName, LabelKey, LabelValue } from './ids.ts';

export type Requirement =
  | { readonly kind: 'in'; readonly key: string; readonly values: readonly string[] }
  | { readonly kind: 'notIn'; readonly key: string; readonly values: readonly string[] }
  | { readonly kind: 'exists'; readonly key: string }
  | { readonly kind: 'absent'; readonly key: string };

/** `all`, `pi-a,pi-b` (names), or `site=home,tier in (a,b),!lab,class=raspberry-pi-5-8gb` (all must hold). */
export type Selector =
  | { readonly kind: 'all' }
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'labels'; readonly requirements: readonly Requirement[] };

export type ParsedSelector =
  | { readonly kind: 'selector'; readonly selector: Selector }
  | { readonly kind: 'unreadable'; readonly message: string };

export const SELECTOR_FORM =
  'expected "all", device names ("pi-a,pi-b"), or label requirements ("site=home,tier in (a,b),rack!=3,!lab")';

/** Reads a selector; the message of an unreadable one names the place and the expected form. */
export function parseSelector(text: string): ParsedSelector {
  const unreadable = (position: number, what: string): ParsedSelector => ({
    kind: 'unreadable',
    message: `selector "${text}": ${what} at position ${position + 1}; ${SELECTOR_FORM}`,
  });
  const trimmed = text.trim();
  if (trimmed === '') return unreadable(0, 'nothing');
  if (trimmed === 'all' || trimmed === '*') return { kind: 'selector', selector: { kind: 'all' } };
  const parts = splitOutsideParentheses(text);
  if (!/[=!(]|\s(in|notin)\s/.test(trimmed)) {
    const names = parts.map(({ part }) => part.trim());
    const bad = parts.find(({ part }) => !DeviceName.safeParse(part.trim()).success);
    return bad
      ? unreadable(bad.position, `"${bad.part.trim()}" is no device name`)
      : { kind: 'selector', selector: { kind: 'names', names } };
  }
  const requirements: Requirement[] = [];
  for (const { part, position } of parts) {
    const requirement = parseRequirement(part.trim());
    if (typeof requirement === 'string') return unreadable(position, requirement);
    requirements.push(requirement);
  }
  return { kind: 'selector', selector: { kind: 'labels', requirements } };
}

function parseRequirement(text: string): Requirement | string {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  const equal = /^([^=!\s]+)\s*(==?|!=)\s*(\S+)$/.exec(text);
  const bare = /^(!?)\s*(\S+)$/.exec(text);
  const [key = '', values] = set
    ? [set[1], (set[3] ?? '').split(',').map((value) => value.trim())]
    : equal
      ? [equal[1], [equal[3] ?? '']]
      : [bare?.[2], []];
  if (!LabelKey.safeParse(key).success) return `"${text}" is no requirement`;
  const bad = values.find((value) => !LabelValue.safeParse(value).success);
  if (bad !== undefined) return `"${bad}" is no label value`;
  if (set) return { kind: set[2] === 'in' ? 'in' : 'notIn', key, values };
  if (equal) return { kind: equal[2] === '!=' ? 'notIn' : 'in', key, values };
  return { kind: bare?.[1] ? 'absent' : 'exists', key };
}

function splitOutsideParentheses(text: string): { part: string; position: number }[] {
  const parts: { part: string; position: number }[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const character = text[i];
    if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (i === text.length || (character === ',' && depth === 0)) {
      parts.push({ part: text.slice(start, i), position: start });
      start = i + 1;
    }
  }
  return parts;
}

export interface Selectable {
  readonly name: string;
  readonly deviceClass: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** `class` and `name` are labels that every device has: its device class and its own name. */
export function matches(selector: Selector, device: Selectable): boolean {
  switch (selector.kind) {
    case 'all':
      return true;
    case 'names':
      return selector.names.includes(device.name);
    case 'labels':
      return selector.requirements.every((requirement) => satisfies(requirement, device));
  }
}

function satisfies(requirement: Requirement, device: Selectable): boolean {
  const value = { ...device.labels, class: device.deviceClass, name: device.name }[requirement.key];
  switch (requirement.kind) {
    case 'in':
      return value !== undefined && requirement.values.includes(value);
    case 'notIn':
      return value === undefined || !requirement.values.includes(value);
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
  }
}

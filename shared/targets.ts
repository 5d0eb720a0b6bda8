// Who a rollout or a request is for: device names, label selectors in the syntax of Kubernetes, a saved group, a share.
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

/** A selector, or the name of one that was saved (`@kitchens`), or a share of either (`10% of site=home`). */
export interface Target {
  /** Null for everybody who matches. */
  readonly percent: number | null;
  readonly of: Selector | { readonly kind: 'group'; readonly name: string };
}

export type ParsedSelector =
  | { readonly kind: 'selector'; readonly selector: Selector }
  | { readonly kind: 'unreadable'; readonly message: string };
export type ParsedTarget =
  | { readonly kind: 'target'; readonly target: Target }
  | { readonly kind: 'unreadable'; readonly message: string };

export const SELECTOR_FORM =
  'expected "all", device names ("pi-a,pi-b"), or label requirements ("site=home,tier in (a,b),rack!=3,!lab")';
export const TARGET_FORM = `${SELECTOR_FORM}, a saved group ("@kitchens"), or a share of one of them ("10% of site=home")`;

/** Where and why reading stopped; caught by the two readers below, never seen outside. */
class Unreadable extends Error {
  readonly position: number;
  constructor(position: number, what: string) {
    super(what);
    this.position = position;
  }
}

/** Reads a selector; the message of an unreadable one names the place and the expected form. */
export function parseSelector(text: string): ParsedSelector {
  return reading(text, 'selector', SELECTOR_FORM, () => ({ kind: 'selector', selector: readSelector(text, 0) }));
}

/** Reads whom a rollout is for: what `parseSelector` reads, `@group`, and a share of either. */
export function parseTarget(text: string): ParsedTarget {
  return reading(text, 'selector', TARGET_FORM, () => {
    const share = /^\s*([^\s%]*)%/.exec(text);
    if (!share) return { kind: 'target', target: { percent: null, of: readWhom(text, 0) } };
    const [whole, digits = ''] = share;
    const percent = Number(digits);
    if (!/^\d+(\.\d+)?$/.test(digits) || percent <= 0 || percent > 100)
      throw new Unreadable(text.indexOf(digits), `"${digits}%" is no share above 0% and up to 100%`);
    const rest = text.slice(whole.length);
    if (rest.trim() === '') return { kind: 'target', target: { percent, of: { kind: 'all' } } };
    const of = /^\s+of\s+(?=\S)/.exec(rest);
    if (!of) throw new Unreadable(whole.length, 'expected "of" and a selector after the share');
    return { kind: 'target', target: { percent, of: readWhom(text, whole.length + of[0].length) } };
  });
}

function reading<T>(text: string, noun: string, form: string, read: () => T) {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const message = `${noun} "${text}": ${error.message} at position ${error.position + 1}; ${form}`;
    return { kind: 'unreadable', message } as const;
  }
}

function readWhom(text: string, from: number): Target['of'] {
  const group = /^\s*@/.exec(text.slice(from));
  if (!group) return readSelector(text, from);
  const name = text.slice(from + group[0].length).trim();
  if (DeviceName.safeParse(name).success) return { kind: 'group', name };
  throw new Unreadable(from + group[0].length, `"${name}" is no name of a group`);
}

function readSelector(text: string, from: number): Selector {
  const rest = text.slice(from);
  const trimmed = rest.trim();
  if (trimmed === '') throw new Unreadable(from, 'nothing');
  if (trimmed === 'all' || trimmed === '*') return { kind: 'all' };
  if (!/[=!()]|\s(in|notin)(\s|$)/.test(rest)) return { kind: 'names', names: readNames(text, from) };
  return { kind: 'labels', requirements: new RequirementReader(text, from).readAll() };
}

function readNames(text: string, from: number): string[] {
  const names: string[] = [];
  let at = from;
  for (const part of text.slice(from).split(',')) {
    const name = part.trim();
    const start = at + part.length - part.trimStart().length;
    if (name === '') throw new Unreadable(start, 'a device name is missing');
    if (!DeviceName.safeParse(name).success) throw new Unreadable(start, `"${name}" is no device name`);
    if (names.includes(name)) throw new Unreadable(start, `"${name}" stands there twice`);
    names.push(name);
    at += part.length + 1;
  }
  return names;
}

/** Kubernetes, "Labels and Selectors": `key`, `!key`, `key=value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`. */
class RequirementReader {
  private readonly text: string;
  private at: number;

  constructor(text: string, from: number) {
    this.text = text;
    this.at = from;
  }

  readAll(): Requirement[] {
    const requirements = [this.readOne()];
    while (this.take(/,/y) !== null) requirements.push(this.readOne());
    if (this.at < this.text.length)
      throw new Unreadable(this.at, `"${this.text.slice(this.at)}" follows a requirement`);
    return requirements;
  }

  private readOne(): Requirement {
    if (this.take(/!/y) !== null) return { kind: 'absent', key: this.readKey() };
    const key = this.readKey();
    const operator = this.take(/==?|!=|notin(?=[\s(])|in(?=[\s(])/y);
    if (operator === null) return { kind: 'exists', key };
    if (operator === 'in' || operator === 'notin')
      return { kind: operator === 'in' ? 'in' : 'notIn', key, values: this.readSet() };
    return { kind: operator === '!=' ? 'notIn' : 'in', key, values: [this.readValue()] };
  }

  private readKey(): string {
    const start = this.skip();
    const word = this.take(/[^\s,=!()]+/y);
    if (word === null) throw new Unreadable(start, 'a label is missing');
    if (!LabelKey.safeParse(word).success) throw new Unreadable(start, `"${word}" is no label`);
    return word;
  }

  private readValue(): string {
    const start = this.skip();
    const word = this.take(/[^\s,=!()]+/y);
    if (word === null) throw new Unreadable(start, 'a value is missing');
    if (!LabelValue.safeParse(word).success) throw new Unreadable(start, `"${word}" is no label value`);
    return word;
  }

  private readSet(): string[] {
    if (this.take(/\(/y) === null) throw new Unreadable(this.at, 'expected "(" and values');
    const values = [this.readValue()];
    while (this.take(/,/y) !== null) values.push(this.readValue());
    if (this.take(/\)/y) === null) throw new Unreadable(this.at, 'expected "," or ")"');
    return values;
  }

  private skip(): number {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
    return this.at;
  }

  /** What `pattern` (sticky) matches after any spaces, or null where it does not. */
  private take(pattern: RegExp): string | null {
    pattern.lastIndex = this.skip();
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return null;
    this.at += found.length;
    this.skip();
    return found;
  }
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

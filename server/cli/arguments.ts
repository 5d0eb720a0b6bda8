// Reads what stands on the command line into true types; a misreading is wrong usage (exit code 2).
import { InvalidArgumentError } from 'commander';
import ms from 'ms';
import { z } from 'zod';
import { parseByteRate } from '../../shared/byte-rate.ts';
import type { FitTarget } from '../../shared/fit.ts';
import { parseGate } from '../../shared/gates.ts';
import { LabelKey, LabelValue, ModelName, VersionNumber, VersionRef } from '../../shared/ids.ts';
import { limits, timings } from '../../shared/limits.ts';
import { InferencePrecision, Manifest } from '../../shared/manifest.ts';
import { parseSelector, parseTarget } from '../../shared/targets.ts';

export function versionRef(text: string): VersionRef {
  const parsed = VersionRef.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`Expected MODEL@VERSION such as scenes-lite@1.2.0.`);
}

export function modelName(text: string): string {
  if (ModelName.safeParse(text).success) return text;
  throw new InvalidArgumentError('Expected a model’s name such as scenes-lite.');
}

export function versionNumber(text: string): string {
  if (VersionNumber.safeParse(text).success) return text;
  throw new InvalidArgumentError('Expected a version such as 1.2.0.');
}

export function licence(text: string): string {
  if (Manifest.shape.licence.safeParse(text.trim()).success) return text.trim();
  throw new InvalidArgumentError('Expected an SPDX expression such as Apache-2.0, of at most 200 characters.');
}

/** @returns milliseconds */
export function duration(text: string): number {
  // A number alone would be milliseconds, which nobody means.
  const value = /^\d{1,9}(\.\d{1,9})? ?[a-z]{1,7}$/i.test(text) ? ms(text as ms.StringValue) : undefined;
  if (value) return Math.round(value);
  throw new InvalidArgumentError('Expected a duration such as 90s, 10m, 1h or 7d.');
}

/** Of a bench run or a picture, its turn included. @returns milliseconds */
export function jobTimeout(text: string): number {
  const ms = duration(text);
  if (ms >= timings.leastJobMs && ms <= timings.mostJobMs) return ms;
  throw new InvalidArgumentError('Expected a duration from 1s to 24h.');
}

export function integer(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${low} to ${high}.`);
  };
}

export function number(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Expected a number from ${low} to ${high}.`);
  };
}

export function size(text: string): { width: number; height: number } {
  const [, width, height] = /^(\d{1,5})[x×](\d{1,5})$/.exec(text) ?? [];
  const sides = { width: Number(width), height: Number(height) };
  if (Object.values(sides).every((side) => side >= 1 && side <= limits.pictureSidePixels)) return sides;
  throw new InvalidArgumentError(
    `Expected WIDTHxHEIGHT in pixels such as 64x64, each side from 1 to ${limits.pictureSidePixels}.`,
  );
}

export interface LabelChange {
  readonly set: Record<string, string>;
  readonly remove: string[];
}

/** `key=value` sets a label, `key-` removes it. Used as commander calls it: once for each argument. */
export function labelChange(text: string, before: LabelChange = { set: {}, remove: [] }): LabelChange {
  const equals = text.indexOf('=');
  const key = equals < 0 ? text.replace(/-$/, '') : text.slice(0, equals);
  const value = text.slice(equals + 1);
  const wellFormed =
    LabelKey.safeParse(key).success && (equals < 0 ? text.endsWith('-') : LabelValue.safeParse(value).success);
  if (!wellFormed) throw new InvalidArgumentError('Expected KEY=VALUE, or KEY- to remove a label.');
  return equals < 0
    ? { ...before, remove: [...before.remove, key] }
    : { ...before, set: { ...before.set, [key]: value } };
}

export function labels(text: string, before: Record<string, string> = {}): Record<string, string> {
  const { set, remove } = labelChange(text);
  if (remove.length > 0) throw new InvalidArgumentError('Expected KEY=VALUE.');
  return { ...before, ...set };
}

/** An option that may be given many times. */
export const each = (text: string, before: readonly string[] = []): string[] => [...before, text];

/** The same, or once with commas. */
export function list(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').map((part) => part.trim())];
}

/** A list, each once and in one order, so that the same ones make the same manifest. */
export function inferencePrecisions(text: string, before: readonly InferencePrecision[] = []): InferencePrecision[] {
  const read = z.array(InferencePrecision).safeParse(list(text, before));
  if (read.success) return InferencePrecision.options.filter((each) => read.data.includes(each));
  throw new InvalidArgumentError(`Expected ${InferencePrecision.options.join(', ')}, or several of them with commas.`);
}

export function gates(text: string, before: readonly string[] = []): string[] {
  const parsed = parseGate(text);
  if (parsed.kind === 'unreadable') throw new InvalidArgumentError(parsed.message);
  return [...before, text];
}

export function selector(text: string): string {
  const parsed = parseSelector(text);
  if (parsed.kind === 'unreadable') throw new InvalidArgumentError(parsed.message);
  return text;
}

/** A selector, `@group`, or a share of either. */
export function target(text: string): string {
  const parsed = parseTarget(text);
  if (parsed.kind === 'unreadable') throw new InvalidArgumentError(parsed.message);
  return text;
}

/** `2x/10`: twice as many after every ten that succeeded. */
export function growth(text: string): { factor: number; after: number } {
  const [, factor, after] = /^(\d+(?:\.\d+)?)x\/(\d+)$/.exec(text) ?? [];
  if (factor && after && Number(factor) > 1 && Number(after) >= 1)
    return { factor: Number(factor), after: Number(after) };
  throw new InvalidArgumentError('Expected FACTORx/SUCCESSES such as 2x/10: twice as many after every ten successes.');
}

/** `latency=500ms` or `memory=300MB`; given twice, both. Used as commander calls it: once for each argument. */
export function fitTarget(text: string, before: FitTarget = {}): FitTarget {
  const [, what, value = ''] = /^(latency|memory)=(.+)$/.exec(text) ?? [];
  if (what === 'latency') return { ...before, latencyMs: duration(value) };
  const size = parseByteRate(value);
  if (what === 'memory' && size.kind === 'rate' && !value.includes('/'))
    return { ...before, memoryBytes: size.bytesPerSecond };
  throw new InvalidArgumentError(
    'Expected latency=DURATION such as latency=500ms, or memory=SIZE such as memory=300MB.',
  );
}

/** `500kB` or `2MB`. @returns bytes a second */
export function byteRate(text: string): number {
  const rate = parseByteRate(text);
  if (rate.kind === 'rate') return rate.bytesPerSecond;
  throw new InvalidArgumentError(rate.message);
}

/** `95%` or `0.95`. */
export function confidence(text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const value = percent ? Number(digits) / 100 : Number(digits);
  if (digits && value >= 0.5 && value <= 0.999) return value;
  throw new InvalidArgumentError('Expected a confidence from 50% to 99.9%, such as 95% or 0.95.');
}

/** `model` or `model@version`. */
export function modelOption(text: string): { model: string; version?: string } {
  if (text.includes('@')) return versionRef(text);
  if (ModelName.safeParse(text).success) return { model: text };
  throw new InvalidArgumentError('Expected MODEL or MODEL@VERSION such as scenes-lite@1.2.0.');
}

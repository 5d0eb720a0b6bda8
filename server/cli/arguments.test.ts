import { describe, expect, test } from 'vitest';
import {
  duration,
  gates,
  inferencePrecisions,
  integer,
  jobTimeout,
  labelChange,
  labels,
  licence,
  list,
  modelOption,
  number,
  selector,
  size,
  versionRef,
} from './arguments.ts';

test('versions', () => {
  expect(versionRef('stickers-lite@1.2.0')).toEqual({ model: 'stickers-lite', version: '1.2.0' });
  for (const wrong of ['stickers-lite', '@1.0.0', 'a@1', 'a@b@1.0.0', ''])
    expect(() => versionRef(wrong)).toThrow('MODEL@VERSION');
  expect(modelOption('stickers-lite')).toEqual({ model: 'stickers-lite' });
  expect(modelOption('stickers-lite@1.2.0')).toEqual({ model: 'stickers-lite', version: '1.2.0' });
  expect(() => modelOption('Not a model')).toThrow('MODEL');
});

test('licences', () => {
  expect(licence(' CC-BY-4.0 OR MIT ')).toBe('CC-BY-4.0 OR MIT');
  for (const wrong of ['', ' ', 'x'.repeat(201)]) expect(() => licence(wrong)).toThrow('SPDX expression');
});

test('durations', () => {
  expect(duration('1h')).toBe(3_600_000);
  expect(duration('1.5 min')).toBe(90_000);
  for (const wrong of ['', 'soon', '-1h', '0h', '90', '1 fortnight', 'h'.repeat(200)])
    expect(() => duration(wrong)).toThrow('duration');
});

test('timeouts, within what the server takes', () => {
  expect(jobTimeout('1s')).toBe(1000);
  for (const wrong of ['1ms', '2d']) expect(() => jobTimeout(wrong)).toThrow('from 1s to 24h');
});

describe('numbers', () => {
  test('whole ones, within their bounds', () => {
    expect(integer(0, 0xffffffff)('4294967295')).toBe(0xffffffff);
    for (const wrong of ['4294967296', '-1', '1.5', '1e3', '', '0x10'])
      expect(() => integer(0, 0xffffffff)(wrong)).toThrow('whole number');
  });

  test('any, within their bounds', () => {
    expect(number(0, 100)('7.5')).toBe(7.5);
    for (const wrong of ['101', '', ' ', 'NaN', 'seven']) expect(() => number(0, 100)(wrong)).toThrow('number');
  });
});

test('sizes', () => {
  expect(size('64x32')).toEqual({ width: 64, height: 32 });
  for (const wrong of ['64', '64x', 'x64', '64 x 64', '-1x1', '0x64', '64x4097'])
    expect(() => size(wrong)).toThrow('WIDTHxHEIGHT');
});

test('label changes add up', () => {
  const first = labelChange('site=home');
  expect(labelChange('lab-', labelChange('floor=1', first))).toEqual({
    set: { site: 'home', floor: '1' },
    remove: ['lab'],
  });
  for (const wrong of ['site', 'Site=home', 'site=', 'site=two words', '-'])
    expect(() => labelChange(wrong)).toThrow('KEY=VALUE');
  expect(() => labels('site-')).toThrow('KEY=VALUE');
});

test('gates and selectors are read here already, with the place of the fault', () => {
  expect(gates('failures<=0', gates('quality>=4.0'))).toEqual(['quality>=4.0', 'failures<=0']);
  expect(() => gates('quality=>4')).toThrow('position 8');
  expect(selector('site=home,!lab')).toBe('site=home,!lab');
  expect(() => selector('site=home,two words')).toThrow('position 15');
});

test('inference precisions, each once and in one order', () => {
  expect(inferencePrecisions('bf16, f16', inferencePrecisions('f32,bf16'))).toEqual(['f32', 'f16', 'bf16']);
  for (const wrong of ['', 'fp16', 'f32,', 'f32;f16'])
    expect(() => inferencePrecisions(wrong)).toThrow('f32, f16, bf16');
});

test('lists by commas or by repetition', () => {
  expect(list('100%', list('1, 25%'))).toEqual(['1', '25%', '100%']);
});

import { describe, expect, it } from 'vitest';
import { deviceClassOf } from './inventory.ts';

const GIB = 1024 ** 3;

describe('deviceClassOf', () => {
  it.each([
    ['Raspberry Pi 5 Model B Rev 1.0', 'arm64', 4, 7.9, 'raspberry-pi-5-8gb'],
    ['Raspberry Pi 4 Model B Rev 1.4', 'arm64', 4, 3.7, 'raspberry-pi-4-4gb'],
    ['Raspberry Pi 3 Model B Plus Rev 1.3', 'arm64', 4, 0.9, 'raspberry-pi-3-plus-1gb'],
    ['Raspberry Pi Zero 2 W Rev 1.0', 'arm64', 4, 0.45, 'raspberry-pi-zero-2-0.5gb'],
    ['Raspberry Pi Compute Module 4 Rev 1.1', 'arm64', 4, 7.6, 'raspberry-pi-cm4-8gb'],
    ['', 'x64', 2, 23.4, 'x86-64-2c-24gb'],
    ['NVIDIA Jetson Orin Nano', 'arm64', 6, 7.4, 'arm64-6c-8gb'],
    ['big iron', 'x64', 96, 755, 'x86-64-96c-768gb'],
  ])('%s (%s)', (hardwareModel, architecture, cores, gib, expected) => {
    expect(deviceClassOf({ hardwareModel, architecture, cores, memoryBytes: gib * GIB })).toBe(expected);
  });
});

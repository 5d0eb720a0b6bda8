// The seeds on which the planted bugs are found, and the invariant that each breaks.
import type { Invariant } from './violation.ts';

export const plantedSeeds: Readonly<
  Record<string, { seed: number; minutes: number; invariant: Invariant; isPlain?: boolean }>
> = {
  'the switch to a new version is persisted before the commit that it belongs to': {
    seed: 1,
    minutes: 10,
    invariant: 'no mixture',
  },
  'a state is entered without its deadline': { seed: 1, minutes: 10, invariant: 'deadlines' },
  'nobody ends installations that are overdue': { seed: 5, minutes: 30, invariant: 'deadlines' },
  'nobody ends jobs that are overdue': { seed: 6, minutes: 30, invariant: 'deadlines' },
  'the devices that a picture was taken from are forgotten': {
    seed: 13,
    minutes: 30,
    invariant: 'acknowledged is stored once',
    isPlain: false,
  },
  'a report is acknowledged before it is stored': { seed: 1, minutes: 10, invariant: 'acknowledged is stored once' },
  'a report that comes twice counts twice': { seed: 11, minutes: 10, invariant: 'acknowledged is stored once' },
  'a download is gone on with and not checked at its end': { seed: 11, minutes: 10, invariant: 'no mixture' },
  'deadlines are held against the clock on the wall': { seed: 1, minutes: 30, invariant: 'deadlines', isPlain: false },
  'commits of the agent do not wait for the disk': { seed: 3, minutes: 30, invariant: 'generations grow' },
  'renames are not made durable': { seed: 3, minutes: 30, invariant: 'no mixture' },
  'an older desired state replaces a newer one': { seed: 1, minutes: 10, invariant: 'convergence' },
  'reports are deleted when the broker has them': { seed: 7, minutes: 30, invariant: 'acknowledged is stored once' },
  'the outbox sends every report once': { seed: 9, minutes: 10, invariant: 'convergence' },
  'a prune takes what the way back needs': { seed: 9, minutes: 10, invariant: 'no mixture' },
  'a wave begins although the one before it has failed': { seed: 3, minutes: 10, invariant: 'waves hold' },
  'a device that comes late and fails holds the next ones not back': {
    seed: 28,
    minutes: 60,
    invariant: 'waves hold',
    isPlain: false,
  },
  'attempts on a device are not counted': { seed: 1, minutes: 30, invariant: 'attempts are bounded', isPlain: false },
  'starts are not dated, so that none counts for the pace': {
    seed: 14,
    minutes: 30,
    invariant: 'pace',
    isPlain: false,
  },
  'a command that is repeated is taken for a new one': { seed: 4, minutes: 10, invariant: 'convergence' },
};

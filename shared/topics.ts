// The only file that builds or parses an MQTT topic. Fixed depth, so that one wildcard covers each direction.
import { Id } from './ids.ts';

export const UP = ['hello', 'report', 'progress', 'telemetry', 'offline'] as const;
export const DOWN = ['desired', 'command', 'ack'] as const;
export type UpKind = (typeof UP)[number];
export type DownKind = (typeof DOWN)[number];

export type Topic =
  | { readonly direction: 'up'; readonly deviceId: string; readonly kind: UpKind }
  | { readonly direction: 'down'; readonly deviceId: string; readonly kind: DownKind };

/** What the server subscribes to. */
export const UP_WILDCARD = 'still/v1/+/up/+';

export const upTopic = (deviceId: string, kind: UpKind): string => `still/v1/${deviceId}/up/${kind}`;
export const downTopic = (deviceId: string, kind: DownKind): string => `still/v1/${deviceId}/down/${kind}`;
/** What a device subscribes to. */
export const downWildcard = (deviceId: string): string => `still/v1/${deviceId}/down/+`;

/** The inverse of upTopic and downTopic; null for anything else. */
export function parseTopic(topic: string): Topic | null {
  const parts = topic.split('/');
  const [root, version, deviceId, direction, kind] = parts;
  if (parts.length !== 5 || root !== 'still' || version !== 'v1' || !Id.safeParse(deviceId).success) return null;
  if (direction === 'up' && UP.some((known) => known === kind))
    return { direction, deviceId: deviceId as string, kind: kind as UpKind };
  if (direction === 'down' && DOWN.some((known) => known === kind))
    return { direction, deviceId: deviceId as string, kind: kind as DownKind };
  return null;
}

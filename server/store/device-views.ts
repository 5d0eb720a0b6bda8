// Devices as the API shows them.
import type { DeviceDetail, DeviceView } from '../../shared/http-api.ts';
import type { Db } from './database.ts';
import type { Device } from './devices.ts';
import { viewInstallation } from './installation-view.ts';
import * as installations from './installations.ts';
import { viewShadows } from './shadow-views.ts';

export async function viewDevices(db: Db, devices: readonly Device[]): Promise<DeviceView[]> {
  const only = devices.length === 1 ? devices.map(({ deviceId }) => deviceId) : null;
  const present = await installations.presentOf(db, only);
  return devices.map((device) => viewDevice(device, present.get(device.deviceId) ?? []));
}

export async function viewDeviceDetail(db: Db, device: Device): Promise<DeviceDetail> {
  const present = await installations.presentOf(db, [device.deviceId]);
  const { inventory, telemetry, enrolledAtMs } = device;
  const shadows = device.running
    .filter(({ role }) => role === 'shadow')
    .map((one) => ({ ...one, device: device.name }));
  return {
    ...viewDevice(device, present.get(device.deviceId) ?? []),
    ...{ inventory, telemetry, enrolledAtMs, shadows: await viewShadows(db, shadows) },
  };
}

function viewDevice(device: Device, present: readonly installations.Installation[]): DeviceView {
  const { deviceId, name, online, lastSeenMs, revoked, deviceClass, labels, agentVersion } = device;
  const { desiredGeneration, reportedGeneration } = device;
  return {
    ...{ deviceId, name, online, lastSeenMs, revoked, deviceClass, labels, agentVersion },
    ...{ desiredGeneration, reportedGeneration },
    running: device.running.map(({ model, version, versionDigest, variant, role, quarantine }) => ({
      ...{ model, version, versionDigest, variant, role },
      ...(quarantine && { quarantine }),
    })),
    installations: present.map((installation) => viewInstallation(installation, name)),
  };
}

import { type IClientOptions, MqttClient } from 'mqtt';
import mqttPacket from 'mqtt-packet';
import { openStream } from './open-stream.ts';

/** Makes clients of the broker at `url`, over TCP or TLS. */
export function brokerClients(url: URL, log: (line: string) => void): (options: IClientOptions) => MqttClient {
  // Otherwise the first packet makes a Buffer of every 16-bit number: 7 MB, to save two bytes' worth of work each.
  mqttPacket.writeToStream.cacheNumbers = false;
  const onOversized = (bytes: number) => log(`a message of ${bytes} bytes was not taken in`);
  return (options) => new MqttClient(() => openStream(url, onOversized), options);
}

// EC2's identifiers and addresses: random where EC2's are random, well-formed for every client that parses them.
import { randomBytes, randomUUID } from 'node:crypto';

const hex = (digits: number) =>
  randomBytes(Math.ceil(digits / 2))
    .toString('hex')
    .slice(0, digits);

export const newInstanceId = () => `i-${hex(17)}`;
export const newVolumeId = () => `vol-${hex(17)}`;
export const newReservationId = () => `r-${hex(17)}`;
export const newTemplateId = () => `lt-${hex(17)}`;
export const newFleetId = () => `fleet-${randomUUID()}`;
export const newSpotRequestId = () => `sir-${hex(8)}`;

/** The kind of resource an id names, as tag specifications and DescribeTags spell it. */
export function resourceType(id: string): string | undefined {
  const prefixes: Record<string, string> = {
    i: 'instance',
    vol: 'volume',
    lt: 'launch-template',
    fleet: 'fleet',
    sir: 'spot-instances-request',
    ami: 'image',
    subnet: 'subnet',
    sg: 'security-group',
    vpc: 'vpc',
  };
  return prefixes[id.slice(0, id.indexOf('-'))];
}

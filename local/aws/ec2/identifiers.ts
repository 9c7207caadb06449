// EC2's identifiers and addresses: random where EC2's are random, well-formed for every client that parses them.
import { createHash, randomBytes, randomUUID } from 'node:crypto';

const hex = (digits: number) =>
  randomBytes(Math.ceil(digits / 2))
    .toString('hex')
    .slice(0, digits);

export const newInstanceId = () => `i-${hex(17)}`;
export const newVolumeId = () => `vol-${hex(17)}`;
export const newReservationId = () => `r-${hex(17)}`;
/** Unlike EC2's own, the id follows from the name: policies that name a template can be written before it exists. */
export const templateIdOf = (name: string) =>
  `lt-${createHash('sha1').update(`launch-template/${name}`).digest('hex').slice(0, 17)}`;
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

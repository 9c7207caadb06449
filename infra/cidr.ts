// IPv4 networks as `10.64.0.0/16`: reading, cutting into equal parts, comparing. Pure.

/** Not an IPv4 network. */
export class CidrError extends Error {}

export interface Cidr {
  /** First address as an unsigned 32-bit number. */
  readonly first: number;
  /** Length of the prefix, 0 to 32. */
  readonly bits: number;
}

/** Throws CidrError unless the text is a network whose address has no bits beyond its prefix. */
export function parseCidr(text: string): Cidr {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const parts = match?.slice(1).map(Number) ?? [];
  const [a = 256, b = 256, c = 256, d = 256, bits = 33] = parts;
  if ([a, b, c, d].some((part) => part > 255) || bits > 32)
    throw new CidrError(`${JSON.stringify(text)} is no IPv4 network; an example is 10.64.0.0/16`);
  const first = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  if (first % sizeOf(bits) !== 0)
    throw new CidrError(
      `${text} has bits beyond its prefix; its network is ${format({ first: first - (first % sizeOf(bits)), bits })}`,
    );
  return { first, bits };
}

export const format = ({ first, bits }: Cidr): string =>
  `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.')}/${bits}`;

/** The `index`th of the 2^newBits equal parts of a network. Throws CidrError when there is none. */
export function split(cidr: string, newBits: number, index: number): string {
  const { first, bits } = parseCidr(cidr);
  if (bits + newBits > 32) throw new CidrError(`${cidr} is too small to be cut into ${2 ** newBits} networks`);
  if (index < 0 || index >= 2 ** newBits) throw new CidrError(`${cidr} has no part ${index} of ${2 ** newBits}`);
  return format({ first: first + index * sizeOf(bits + newBits), bits: bits + newBits });
}

export function contains(outer: string, inner: string): boolean {
  const [large, small] = [parseCidr(outer), parseCidr(inner)];
  return small.bits >= large.bits && small.first >= large.first && endOf(small) <= endOf(large);
}

export function overlaps(one: string, other: string): boolean {
  const [a, b] = [parseCidr(one), parseCidr(other)];
  return a.first < endOf(b) && b.first < endOf(a);
}

/** Addresses in a network. */
export const sizeOf = (bits: number): number => 2 ** (32 - bits);
const endOf = ({ first, bits }: Cidr): number => first + sizeOf(bits);

// On-demand prices from an AWS price list (the offer file of AmazonEC2 for one region): hundreds of megabytes of JSON, so it is read
// as a stream and only products and on-demand terms are parsed, one at a time. Next: refresh.ts.
import { DataError } from '../errors.ts';

export interface PriceList {
  /** When AWS published it. */
  readonly published: string;
  /** USD per hour by instance type: Linux, shared tenancy, nothing preinstalled. */
  readonly onDemand: ReadonlyMap<string, number>;
}

interface Product {
  readonly sku?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}
/** By term code and rate code. */
type Terms = Readonly<
  Record<
    string,
    { readonly priceDimensions?: Readonly<Record<string, { unit?: string; pricePerUnit?: { USD?: string } }>> }
  >
>;

/** What a plain Linux instance is called in a price list; reservations of capacity and other systems are products of their own. */
const PLAIN: Readonly<Record<string, string>> = {
  operatingSystem: 'Linux',
  tenancy: 'Shared',
  preInstalledSw: 'NA',
  capacitystatus: 'Used',
};

/**
 * Reads the file from its text in pieces. Throws DataError for a file that is no price list of EC2, is cut off, or has no Linux
 * prices for the region.
 */
export async function readPriceList(
  pieces: AsyncIterable<string>,
  { from, region }: { from: string; region: string },
): Promise<PriceList> {
  const wrong = (what: string) =>
    new DataError(`${from} is not the price list of AmazonEC2 for ${region} as JSON: ${what}.`);
  const types = new Map<string, string>();
  const prices = new Map<string, number>();
  const regions = new Set<string>();
  let published = '';
  const scanner = new Scanner((path, text) => {
    if (path.length === 1 && path[0] === 'publicationDate') published = JSON.parse(text) as string;
    if (path.length === 2 && path[0] === 'products') {
      const { sku = path[1] ?? '', attributes = {} } = JSON.parse(text) as Product;
      // Capacity blocks are sold beside on-demand under the same attributes; older lists don't name the market.
      if ((attributes.marketoption ?? 'OnDemand') !== 'OnDemand') return;
      if (!attributes.instanceType || !Object.entries(PLAIN).every(([key, value]) => attributes[key] === value)) return;
      regions.add(attributes.regionCode ?? '');
      if (attributes.regionCode === region) types.set(sku, attributes.instanceType);
    }
    if (path.length === 3 && path[0] === 'terms' && path[1] === 'OnDemand') {
      const price = hourly(JSON.parse(text) as Terms);
      if (price !== undefined) prices.set(path[2] ?? '', price);
    }
  });
  try {
    for await (const piece of pieces) scanner.take(piece);
  } catch (error) {
    if (error instanceof SyntaxError) throw wrong('it is damaged');
    throw error;
  }
  if (scanner.state === 'empty' || scanner.state === 'foreign') throw wrong('it is not a JSON object');
  if (scanner.state === 'open') throw wrong('it is cut off');
  const onDemand = new Map(
    [...types].flatMap(([sku, type]): [string, number][] => {
      const price = prices.get(sku);
      return price === undefined ? [] : [[type, price]];
    }),
  );
  if (onDemand.size === 0)
    throw wrong(
      regions.size > 0 && !regions.has(region)
        ? `its prices are of ${[...regions].join(', ')}`
        : 'it has no Linux prices per hour in USD',
    );
  return { published: published.slice(0, 10), onDemand };
}

function hourly(terms: Terms): number | undefined {
  for (const { priceDimensions = {} } of Object.values(terms))
    for (const { unit, pricePerUnit } of Object.values(priceDimensions)) {
      const usd = Number(pricePerUnit?.USD);
      if (unit === 'Hrs' && usd > 0) return usd;
    }
  return undefined;
}

/** Members of these paths are handed over whole; everything else is skipped. */
const WANTED = (path: readonly (string | undefined)[]): boolean =>
  (path.length === 1 && path[0] === 'publicationDate') ||
  (path.length === 2 && path[0] === 'products') ||
  (path.length === 3 && path[0] === 'terms' && path[1] === 'OnDemand');

const QUOTE = 34;
const BACKSLASH = 92;

/** Cuts members out of one large JSON object without holding it: follows strings and braces only. */
class Scanner {
  readonly #found: (path: readonly string[], text: string) => void;
  /** Keys of the objects that are open, outermost first; `undefined` before a key was read. */
  readonly #path: (string | undefined)[] = [];
  #begun = false;
  #foreign = false;
  #inString = false;
  #escaped = false;
  /** Text of the string being read, as it stands in the file, with its quotes. */
  #string = '';
  #piece: string | undefined;
  #pieceDepth = 0;

  constructor(found: (path: readonly string[], text: string) => void) {
    this.#found = found;
  }

  get state(): 'empty' | 'foreign' | 'open' | 'whole' {
    if (this.#foreign) return 'foreign';
    if (!this.#begun) return 'empty';
    return this.#path.length > 0 || this.#inString ? 'open' : 'whole';
  }

  take(text: string): void {
    // Where the part of `text` begins that belongs to the piece or string being collected.
    let from = 0;
    for (let at = 0; at < text.length && !this.#foreign; at += 1) {
      const code = text.charCodeAt(at);
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (code === BACKSLASH) this.#escaped = true;
        else if (code === QUOTE) {
          this.#inString = false;
          if (this.#piece === undefined) {
            this.#string += text.slice(from, at + 1);
            if (this.#path.at(-1) !== undefined) this.#member(this.#string);
          }
        }
        continue;
      }
      if (code === QUOTE) {
        this.#inString = true;
        if (this.#piece === undefined) {
          this.#string = '';
          from = at;
        }
        continue;
      }
      const letter = text[at];
      if (letter === '{' || letter === '[') {
        this.#begun = true;
        if (this.#piece === undefined && WANTED(this.#path)) {
          this.#piece = '';
          this.#pieceDepth = this.#path.length;
          from = at;
        }
        this.#path.push(undefined);
      } else if (letter === '}' || letter === ']') {
        this.#path.pop();
        if (this.#piece !== undefined && this.#path.length === this.#pieceDepth) {
          const piece = this.#piece + text.slice(from, at + 1);
          this.#piece = undefined;
          this.#member(piece);
        }
      } else if (letter === ':' && this.#piece === undefined) {
        this.#path[this.#path.length - 1] = JSON.parse(this.#string) as string;
      } else if (letter === ',' && this.#path.length > 0) this.#path[this.#path.length - 1] = undefined;
      else if (!this.#begun && letter?.trim() !== '' && letter !== '\uFEFF') this.#foreign = true;
    }
    if (this.#piece !== undefined) this.#piece += text.slice(from);
    else if (this.#inString) this.#string += text.slice(from);
  }

  #member(text: string): void {
    if (WANTED(this.#path)) this.#found(this.#path as string[], text);
  }
}

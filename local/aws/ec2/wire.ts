// EC2's query protocol: form fields like `Filter.1.Value.2` become a tree; answers are XML with `<item>` lists.
// service.ts parses with it first and writes with it last; everything between sees Fields and plain objects.
import { AwsServiceError } from '../service.ts';

export const EC2_NAMESPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/';

type Tree = { [name: string]: string | Tree };

/** What may be written as XML: undefined is left out, an array becomes `<item>` elements, a Date an ISO instant. */
export type Xml =
  | string
  | number
  | boolean
  | Date
  | undefined
  | readonly Xml[]
  | NamedList
  | { readonly [name: string]: Xml };

/** A list whose elements are not called `item`. */
export class NamedList {
  readonly name: string;
  readonly members: readonly Xml[];
  constructor(name: string, members: readonly Xml[]) {
    this.name = name;
    this.members = members;
  }
}

/** A (sub-)tree of the request's fields, read by their wire names (`Filter`, `TagSpecification`, not the SDK's plurals). */
export class Fields {
  readonly #tree: Tree;
  readonly #path: string;

  constructor(tree: Tree, path = '') {
    this.#tree = tree;
    this.#path = path;
  }

  static parse(form: string): Fields {
    const tree: Tree = Object.create(null) as Tree;
    for (const [name, value] of new URLSearchParams(form)) {
      const steps = name.split('.');
      let at = tree;
      for (const step of steps.slice(0, -1)) {
        const next = at[step];
        at = typeof next === 'object' ? next : (at[step] = Object.create(null) as Tree);
      }
      at[steps.at(-1) ?? name] = value;
    }
    return new Fields(tree);
  }

  get names(): string[] {
    return Object.keys(this.#tree);
  }

  text(name: string): string | undefined {
    const value = this.#tree[name];
    return typeof value === 'string' ? value : undefined;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '')
      throw new AwsServiceError(
        'MissingParameter',
        `The request must contain the parameter ${this.#path}${name}`.replace(/\.(\d+)\./g, '.'),
      );
    return value;
  }

  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^-?\d+$/.test(value))
      throw new AwsServiceError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid.`);
    return Number(value);
  }

  decimal(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (value === '' || !Number.isFinite(number))
      throw new AwsServiceError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid.`);
    return number;
  }

  flag(name: string): boolean | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : value.toLowerCase() === 'true';
  }

  instant(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const time = Date.parse(value);
    if (Number.isNaN(time))
      throw new AwsServiceError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid.`);
    return time;
  }

  group(name: string): Fields | undefined {
    const value = this.#tree[name];
    return typeof value === 'object' ? new Fields(value, `${this.#path}${name}.`) : undefined;
  }

  texts(name: string): string[] {
    return this.#members(name).filter((member) => typeof member === 'string');
  }

  groups(name: string): Fields[] {
    return this.#members(name)
      .filter((member) => typeof member === 'object')
      .map((member, index) => new Fields(member, `${this.#path}${name}.${index + 1}.`));
  }

  #members(name: string): (string | Tree)[] {
    const list = this.#tree[name];
    if (typeof list !== 'object') return [];
    return Object.keys(list)
      .filter((key) => /^\d+$/.test(key))
      .sort((a, b) => Number(a) - Number(b))
      .map((key) => list[key] ?? '');
  }

  /** A copy to keep: lists stay objects with numeric keys. */
  toTree(): Tree {
    return JSON.parse(JSON.stringify(this.#tree)) as Tree;
  }

  /** Equal for equal requests, whatever the order of the fields. */
  fingerprint(): string {
    return JSON.stringify(sorted(this.#tree));
  }
}

function sorted(tree: string | Tree): unknown {
  if (typeof tree === 'string') return tree;
  return Object.keys(tree)
    .sort()
    .map((key) => [key, sorted(tree[key] ?? '')]);
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#xD;' };

export function escapeXml(text: string): string {
  // Control characters other than tab, line feed and return cannot stand in XML 1.0 at all.

  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '').replace(/[&<>"\r]/g, (c) => ESCAPES[c] ?? c);
}

function write(value: Xml): string {
  if (value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (value instanceof NamedList)
    return value.members.map((member) => `<${value.name}>${write(member)}</${value.name}>`).join('');
  if (Array.isArray(value)) return (value as readonly Xml[]).map((item) => `<item>${write(item)}</item>`).join('');
  if (typeof value === 'object')
    return Object.entries(value)
      .filter(([, child]) => child !== undefined)
      .map(([name, child]) => `<${name}>${write(child)}</${name}>`)
      .join('');
  return escapeXml(String(value));
}

export function responseXml(action: string, requestId: string, body: { readonly [name: string]: Xml }): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${action}Response xmlns="${EC2_NAMESPACE}">${write({ requestId, ...body })}</${action}Response>`;
}

export function errorXml(error: AwsServiceError, requestId: string): string {
  const fault = `<Error><Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message></Error>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors>${fault}</Errors><RequestID>${requestId}</RequestID></Response>`;
}

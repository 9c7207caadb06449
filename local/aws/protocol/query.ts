// The query protocol (EC2, STS): a form in, XML out. Parameters are flat names with dots, `Filter.1.Value.2`; readQuery makes
// a tree of them in which numbered members become arrays.
import type { AwsServiceError } from '../service.ts';
import { type AwsRequest, type AwsResponse } from '../service.ts';
import { type XmlValue, xmlDocument } from './xml.ts';

export type QueryValue = string | QueryValue[] | { [name: string]: QueryValue };
export type QueryTree = { [name: string]: QueryValue };

/** Parameters of a request, from the URL and a form body together. */
export async function queryParameters(
  request: Pick<AwsRequest, 'query' | 'headers' | 'body'>,
): Promise<URLSearchParams> {
  const parameters = new URLSearchParams(request.query);
  if ((request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) {
    for (const [name, value] of new URLSearchParams((await request.body()).toString())) parameters.append(name, value);
  }
  return parameters;
}

/** `A.1.B=x&A.2.B=y&C=z` becomes `{A: [{B: 'x'}, {B: 'y'}], C: 'z'}`; a `member` level (STS lists) is left out. */
export function readQuery(parameters: URLSearchParams): QueryTree {
  interface Node {
    value?: string;
    children: Map<string, Node>;
  }
  const root: Node = { children: new Map() };
  for (const [name, value] of parameters) {
    let node = root;
    for (const part of name.split('.')) {
      let next = node.children.get(part);
      if (!next) node.children.set(part, (next = { children: new Map() }));
      node = next;
    }
    node.value = value;
  }
  const build = (node: Node): QueryValue => {
    if (node.children.size === 0) return node.value ?? '';
    const member = node.children.get('member');
    if (member && node.children.size === 1) return build(member);
    const names = [...node.children.keys()];
    if (names.every((name) => /^\d+$/.test(name))) {
      return names.sort((a, b) => Number(a) - Number(b)).map((name) => build(node.children.get(name) as Node));
    }
    return Object.fromEntries(names.map((name) => [name, build(node.children.get(name) as Node)]));
  };
  const tree = build(root);
  return typeof tree === 'object' && !Array.isArray(tree) ? tree : {};
}

/** `<ActionResponse><ActionResult>…</ActionResult><ResponseMetadata>…`, as STS answers. */
export function queryAnswer(action: string, result: XmlValue, requestId: string, xmlns: string): AwsResponse {
  const body = { [`${action}Result`]: result ?? {}, ResponseMetadata: { RequestId: requestId } };
  return { status: 200, headers: { 'content-type': 'text/xml' }, body: xmlDocument(`${action}Response`, body, xmlns) };
}

export function queryError(error: AwsServiceError, requestId: string, xmlns: string): AwsResponse {
  const type = error.status >= 500 ? 'Receiver' : 'Sender';
  const body = { Error: { Type: type, Code: error.code, Message: error.message }, RequestId: requestId };
  return {
    status: error.status,
    headers: { 'content-type': 'text/xml' },
    body: xmlDocument('ErrorResponse', body, xmlns),
  };
}

/** EC2 answers without a result wrapper; lists are `{item: […]}`. */
export function ec2Answer(
  action: string,
  result: { readonly [name: string]: XmlValue },
  requestId: string,
): AwsResponse {
  const body = { requestId, ...result };
  return {
    status: 200,
    headers: { 'content-type': 'text/xml;charset=UTF-8' },
    body: xmlDocument(`${action}Response`, body, EC2_NAMESPACE),
  };
}

export function ec2Error(error: AwsServiceError, requestId: string): AwsResponse {
  const body = { Errors: { Error: { Code: error.code, Message: error.message } }, RequestID: requestId };
  return {
    status: error.status,
    headers: { 'content-type': 'text/xml;charset=UTF-8' },
    body: xmlDocument('Response', body),
  };
}

const EC2_NAMESPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/';

// Reading loosely typed parts of built-in objects: absent is empty.
import type { KubeObject } from '../api.ts';

export type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields {
  return (value ?? {}) as Fields;
}

export function list(value: unknown): Fields[] {
  return (value ?? []) as Fields[];
}

/** Is the condition of this type true? */
export function condition(object: KubeObject, type: string): boolean {
  return list(object.status?.['conditions']).some((one) => one['type'] === type && one['status'] === 'True');
}

/** A scalar as text; anything else is no text at all. */
export function words(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

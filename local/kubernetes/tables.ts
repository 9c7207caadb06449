// Answers `Accept: …;as=Table` (what kubectl get asks for): rows of cells in the API server's own columns, from a CRD's
// additionalPrinterColumns or, for built-in kinds, tables/builtin.ts. reads/ and watch call renderTable.
import type { KubeObject, PrinterColumn, RenderTable, ResourceInfo } from './api.ts';
import { goNumber } from './schema/causes.ts';
import { ageOf } from './tables/ages.ts';
import { type Column, CREATION_DESCRIPTION, GENERIC, NAME, type Printer, PRINTERS } from './tables/builtin.ts';
import { findAll } from './tables/jsonpath.ts';

const DEFAULT_COLUMNS: readonly PrinterColumn[] = [
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: CREATION_DESCRIPTION },
];

export const renderTable: RenderTable = (resource, objects, { now, includeObject, columns, listMeta }) => {
  const printer = printerOf(resource);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: listMeta,
    columnDefinitions: columns ? printer.columns.map(definition) : [],
    rows: objects.map((object) => {
      const conditions = printer.conditions?.(object);
      return {
        cells: printer.cells(object, now),
        ...(conditions === undefined ? {} : { conditions }),
        object: included(object, includeObject),
      };
    }),
  };
};

function definition({ name, type, format = '', description = '', priority = 0 }: Column): Column {
  return { name, type, format, description, priority };
}

function included(object: KubeObject, what: 'None' | 'Metadata' | 'Object'): unknown {
  if (what === 'Object') return object;
  if (what === 'None') return null;
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

function printerOf(resource: ResourceInfo): Printer {
  const builtin = PRINTERS[`${resource.group}/${resource.plural}`];
  if (builtin !== undefined) return builtin;
  if (resource.openAPIV3Schema === undefined && resource.schema === undefined) return GENERIC;
  const columns = resource.printerColumns.length === 0 ? DEFAULT_COLUMNS : resource.printerColumns;
  return {
    columns: [
      NAME,
      ...columns.map((column) => ({
        ...column,
        description: column.description || `Custom resource definition column (in JSONPath format): ${column.jsonPath}`,
      })),
    ],
    cells: (object, now) => [object.metadata.name, ...columns.map((column) => cell(column, object, now))],
  };
}

/** Null where there is nothing fit to show. */
function cell(column: PrinterColumn, object: KubeObject, now: number): unknown {
  const [value] = findAll(column.jsonPath, object);
  if (value === undefined) return null;
  switch (column.type) {
    case 'string':
      return printed(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? ageOf(value, now) : null;
    default:
      return null;
  }
}

function printed(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return goNumber(value);
  return value === null ? '' : JSON.stringify(value);
}

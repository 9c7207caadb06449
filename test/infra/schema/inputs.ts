// Holds recorded inputs to the provider's own schema: its types in TypeScript are generated from it, so each recorded resource becomes an object
// literal of its Args type, and the compiler says what is unknown, missing or of the wrong kind, and what is deprecated.
import { join } from 'node:path';
import ts from 'typescript';
import type { Recorded } from '../mocks.ts';

const FILE = join(process.cwd(), 'test/infra/schema/recorded.ts');

/** `aws:s3/bucket:Bucket` → the module and the name of its arguments' type; undefined for what is not a provider's that we check. */
function argsOf(type: string): { module: string; args: string } | undefined {
  const [pack, path = '', name = ''] = type.split(':');
  if (pack === 'aws') return { module: `@pulumi/aws/${path}.js`, args: `${name}Args` };
  if (pack === 'docker-build') return { module: '@pulumi/docker-build/image.js', args: `${name}Args` };
  return undefined;
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if ('asset' in value) return 'new FileAsset("a file")';
  return `{ ${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}: ${literal(one)}`)
    .join(', ')} }`;
}

/** A sentence for each input that is not as the schema has it. */
export function checkInputs(recorded: readonly Recorded[]): string[] {
  const checked = recorded.flatMap((one) => {
    const found = argsOf(one.type);
    return found ? [{ ...found, one }] : [];
  });
  const lines = ["import { FileAsset } from '@pulumi/pulumi/asset/index.js';", 'export const file = FileAsset;'];
  const owners: (Recorded | undefined)[] = [undefined, undefined];
  for (const [index, { module, args, one }] of checked.entries()) {
    lines.push(`import type { ${args} as Args${index} } from '${module}';`);
    lines.push(`export const r${index}: Args${index} = ${literal(one.inputs)};`);
    owners.push(one, one);
  }
  const text = lines.join('\n');
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  };
  const read = (name: string) => (name === FILE ? text : ts.sys.readFile(name));
  const service = ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [FILE],
    getScriptVersion: () => '1',
    getScriptSnapshot: (name) => {
      const contents = read(name);
      return contents === undefined ? undefined : ts.ScriptSnapshot.fromString(contents);
    },
    getCurrentDirectory: () => process.cwd(),
    getDefaultLibFileName: (given) => ts.getDefaultLibFilePath(given),
    fileExists: (name) => name === FILE || ts.sys.fileExists(name),
    readFile: read,
    directoryExists: (name) => ts.sys.directoryExists(name),
    getDirectories: (name) => ts.sys.getDirectories(name),
  });
  const told = [...service.getSyntacticDiagnostics(FILE), ...service.getSemanticDiagnostics(FILE)].map(
    ({ start = 0, messageText }) => ({ start, words: ts.flattenDiagnosticMessageText(messageText, ' ') }),
  );
  const program = service.getProgram();
  const source = program?.getSourceFile(FILE);
  if (program && source) told.push(...deprecated(program.getTypeChecker(), source));
  service.dispose();
  return told.map(({ start, words }) => {
    const owner = owners[text.slice(0, start).split('\n').length - 1];
    return `${owner?.type} ${owner?.name}: ${words}`;
  });
}

/** The compiler marks only uses as deprecated that read a property; here properties are given. */
function deprecated(checker: ts.TypeChecker, source: ts.SourceFile): { start: number; words: string }[] {
  const found: { start: number; words: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && ts.isStringLiteral(node.name)) {
      const property = checker.getContextualType(node.parent)?.getProperty(node.name.text);
      const tag = property?.getJsDocTags(checker).find(({ name }) => name === 'deprecated');
      if (tag) found.push({ start: node.getStart(), words: `${node.name.text} is deprecated` });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

// Writes .env.example from the table of fields, so that it can't be incomplete. Run by `npm run generate`.
import { writeFile } from 'node:fs/promises';
import { FIELDS, type Field } from './fields.ts';

const lines = [
  '# Every setting of the operator and the bot. Made from cloud/configuration/fields.ts by `npm run generate`.',
  '# On a cluster, pulumi up writes these into a ConfigMap and a Secret. Credentials come from the default chain of the AWS SDK',
  '# (Pod Identity, IRSA, a profile or AWS_ACCESS_KEY_ID …); AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE> point at other endpoints.',
  '',
];
for (const field of Object.values(FIELDS) as Field[]) {
  const need = field.optional ? 'optional' : field.default === undefined ? 'required' : `default ${field.default}`;
  lines.push(`# ${field.about}`, `# ${field.for.join(' and ')}; ${need}${field.allowed ? `; ${field.allowed}` : ''}`);
  lines.push(field.default === undefined ? `${field.env}=${field.example}` : `#${field.env}=${field.default}`, '');
}
await writeFile(new URL('../../.env.example', import.meta.url), lines.join('\n'));

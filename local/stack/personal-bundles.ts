// Step: the bundles that one person's installation runs (personal/): the embedded Kubernetes API, operator and bot.
import { bundled } from './bundles.ts';
import { asStep } from './step.ts';

export type PersonalBundles = Readonly<Record<'kubernetes' | 'operator' | 'bot', string>>;

async function bundlePersonal(folder: string): Promise<PersonalBundles> {
  const [kubernetes, operator, bot] = await Promise.all([
    bundled('kubernetes', folder),
    bundled('operator', folder),
    bundled('bot', folder),
  ]);
  return { kubernetes, operator, bot };
}

await asStep(import.meta, bundlePersonal);

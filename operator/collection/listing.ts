// All TrainingJobs as the API server has them now, past the cache: asked before an instance is ended for good.
import type { TrainingJob } from '../../crds/crds.generated.ts';
import type { Kubernetes, Page } from '../runtime/kubernetes.ts';
import { PAGE_SIZE } from '../runtime/reflector.ts';
import { TRAINING_JOBS } from '../runtime/resources.ts';

export async function listTrainings(kubernetes: Pick<Kubernetes, 'list'>): Promise<TrainingJob[]> {
  const found: TrainingJob[] = [];
  let next: string | undefined;
  do {
    const page: Page<TrainingJob> = await kubernetes.list<TrainingJob>(TRAINING_JOBS, {
      limit: PAGE_SIZE,
      continue: next,
    });
    found.push(...page.items);
    next = page.metadata.continue || undefined;
  } while (next);
  return found;
}

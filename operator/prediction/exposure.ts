// A prediction as far as its account's money goes. Pure.
import { addUsd } from '../../cloud/money.ts';
import type { PredictionJob } from '../../crds/crds.generated.ts';
import type { Live } from '../accounts/exposure.ts';
import { uidOf } from './job.ts';
import { FINAL_PHASES } from './transitions.ts';

export function predictionLive(job: PredictionJob): Live {
  const { actualUsd = 0, billedUsd = 0, reservedUsd = 0 } = job.status?.cost ?? {};
  const final = FINAL_PHASES.has(job.status?.phase ?? '');
  return {
    uid: uidOf(job),
    final,
    reservedUsd,
    actualUsd,
    // Its entry is put before the final status.
    unbilledUsd: final ? 0 : Math.max(0, addUsd(actualUsd, -billedUsd)),
    stopUsd: 0,
  };
}

// The account behind the sweep: the Resource Groups Tagging API finds, the Cloud Control API looks and removes, one API for every kind.
import {
  CloudControlClient,
  DeleteResourceCommand,
  GetResourceCommand,
  GetResourceRequestStatusCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudcontrol';
import { paginateGetResources, ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { type Clock, sleep, systemClock } from '../../cloud/clock.ts';
import type { Account } from './sweep.ts';

const LOOK_AGAIN_MS = 3_000;
/** EKS clusters and NAT gateways take that long. */
const LONGEST_MS = 20 * 60_000;

export function accountOf(region: string, clock: Clock = systemClock()): Account & { close(): void } {
  const tagging = new ResourceGroupsTaggingAPIClient({ region });
  const control = new CloudControlClient({ region });
  return {
    async tagged(key, value) {
      const arns: string[] = [];
      for await (const page of paginateGetResources(
        { client: tagging },
        { TagFilters: [{ Key: key, Values: [value] }] },
      ))
        arns.push(...(page.ResourceTagMappingList ?? []).flatMap(({ ResourceARN }) => ResourceARN ?? []));
      return arns;
    },
    async exists(TypeName, Identifier) {
      try {
        await control.send(new GetResourceCommand({ TypeName, Identifier }));
        return true;
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return false;
        throw error;
      }
    },
    async remove(TypeName, Identifier) {
      let event = (await control.send(new DeleteResourceCommand({ TypeName, Identifier }))).ProgressEvent;
      const end = clock.now() + LONGEST_MS;
      while (event?.OperationStatus === 'PENDING' || event?.OperationStatus === 'IN_PROGRESS') {
        if (clock.now() > end) throw new Error(`not gone after ${LONGEST_MS / 60_000} minutes`);
        await sleep(clock, LOOK_AGAIN_MS);
        const { RequestToken } = event;
        event = (await control.send(new GetResourceRequestStatusCommand({ RequestToken }))).ProgressEvent;
      }
      if (event?.OperationStatus === 'FAILED' && event.ErrorCode !== 'NotFound')
        throw new Error(event.StatusMessage ?? String(event.ErrorCode));
    },
    close() {
      tagging.destroy();
      control.destroy();
    },
  };
}

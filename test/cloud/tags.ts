// All tags of an instance as EC2 has them, also those that the operator does not read again.
import type { Clients } from '../../cloud/clients.ts';

export async function tagsOf(clients: Clients, instanceId: string): Promise<Record<string, string>> {
  const { DescribeInstancesCommand } = await import('@aws-sdk/client-ec2');
  const answer = await (await clients.ec2()).send(new DescribeInstancesCommand({ InstanceIds: [instanceId] }));
  const tags = answer.Reservations?.[0]?.Instances?.[0]?.Tags ?? [];
  return Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value]));
}

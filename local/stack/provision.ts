// Step: `pulumi up` for the local installation – the very program of infra/, its resources made in the local AWS (local/pulumi). Answers
// with the stack's outputs.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DescribeSecurityGroupsCommand, DescribeSubnetsCommand, EC2Client } from '@aws-sdk/client-ec2';
import type { Installation } from '../../infra/policies/document.ts';
import { roleArn } from '../../infra/policies/document.ts';
import { roleIdOf } from '../aws/iam/roles.ts';
import { runProgram } from '../pulumi/program.ts';
import { providers, type Told } from '../pulumi/providers.ts';
import { StartFailure } from './failure.ts';
import { IMAGE_ID, localRoles } from './installation.ts';
import { asStep } from './step.ts';

export interface Access {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Artefact {
  readonly path: string;
  readonly sha256: string;
}

/** Of the stack's outputs, what the stack here needs. */
export interface Provisioned {
  readonly operatorEnvironment: Readonly<Record<string, string>>;
  readonly botEnvironment: Readonly<Record<string, string>>;
  readonly logGroup: string;
  readonly functionName: string;
  readonly interruptionQueueUrl: string;
}

export interface ProvisionInput {
  readonly installation: Installation;
  readonly access: Access;
  readonly worker: Artefact;
  readonly lambda: Artefact;
  /** Where the program finds what is uploaded. */
  readonly folder: string;
}

async function provision({ installation, access, folder, ...artefacts }: ProvisionInput): Promise<Provisioned> {
  const { endpoint, ...credentials } = access;
  const { region, accountId } = installation;
  const connection = { endpoint, region, credentials };
  const network = await networkOf(connection);
  const told: Told = {
    securityGroupId: network.securityGroupId,
    roles: Object.fromEntries(
      localRoles(installation, '').map(({ name, policies: [policy] }) => [
        name,
        { arn: roleArn(accountId, name), uniqueId: roleIdOf(name), policy },
      ]),
    ),
  };
  const root = `arn:aws:iam::${accountId}:root`;
  const made = providers(connection, told);
  try {
    const { outputs } = await runProgram({
      ...{ stack: 'local', accountId, create: made.create },
      configuration: {
        'aws:region': region,
        'spotlearn:name': installation.name,
        'spotlearn:cluster': 'none',
        'spotlearn:vpcId': network.vpcId,
        'spotlearn:subnetIds': network.subnetIds.join(','),
        'spotlearn:imageId': IMAGE_ID,
        'spotlearn:imageArm64Id': IMAGE_ID,
        'spotlearn:functionArchitecture': process.arch === 'arm64' ? 'arm64' : 'x86_64',
        'spotlearn:artefacts': laidOut(join(folder, 'declared'), artefacts),
      },
      answers: {
        'aws:index/getCallerIdentity:getCallerIdentity': () => ({ accountId, arn: root, userId: accountId }),
        'aws:iam/getSessionContext:getSessionContext': () => ({ issuerArn: root }),
      },
    });
    return outputs as unknown as Provisioned;
  } catch (error) {
    throw new StartFailure((error as Error).message);
  } finally {
    made.close();
  }
}

/** The folder that `npm run package` and `package:worker` would leave, with what was built for this machine. */
function laidOut(folder: string, { worker, lambda }: { worker: Artefact; lambda: Artefact }): string {
  mkdirSync(join(folder, 'worker'), { recursive: true });
  // The program asks for x86_64 always; on an arm64 machine that bundle and image are the same as the one that runs here.
  for (const arch of process.arch === 'arm64' ? ['x86_64', 'arm64'] : ['x86_64'])
    writeFileSync(join(folder, `worker/worker-python3.12-${arch}.json`), JSON.stringify({ ...worker, packs: {} }));
  for (const arch of ['x64', 'arm64'])
    writeFileSync(join(folder, `lambda-linux-${arch}.zip.json`), JSON.stringify(lambda));
  return folder;
}

async function networkOf(connection: { region: string }) {
  const ec2 = new EC2Client(connection);
  try {
    const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
    const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({}));
    return {
      vpcId: Subnets[0]?.VpcId ?? '',
      subnetIds: Subnets.flatMap((subnet) => subnet.SubnetId ?? []),
      securityGroupId: SecurityGroups[0]?.GroupId ?? '',
    };
  } finally {
    ec2.destroy();
  }
}

await asStep(import.meta, provision);

// Launch templates: versions of launch data kept as they came, resolved when a fleet or RunInstances names them.
import { AwsServiceError } from '../service.ts';
import {
  authorize,
  endDryRun,
  readTags,
  requestTagConditions,
  resourceTagConditions,
  tagSpecification,
  tagXml,
} from './core.ts';
import type { Action, Call, Core } from './core.ts';
import { selectPage } from './describe.ts';
import { templateIdOf } from './identifiers.ts';
import type { LaunchTemplate, TemplateVersion, WireTree } from './state.ts';
import { NamedList, type Fields, type Xml } from './wire.ts';

/** Input list names whose output name isn't simply their own with a lower first letter. */
const OUTPUT_NAMES: Record<string, string> = {
  BlockDeviceMapping: 'blockDeviceMappingSet',
  NetworkInterface: 'networkInterfaceSet',
  TagSpecification: 'tagSpecificationSet',
  Tag: 'tagSet',
  SecurityGroupId: 'securityGroupIdSet',
  SecurityGroup: 'securityGroupSet',
};
/** Launch template data as it came in, in the names of the answer. */
export function dataXml(tree: WireTree, inInterface = false): Xml {
  const keys = Object.keys(tree);
  if (keys.length > 0 && keys.every((key) => /^\d+$/.test(key)))
    return keys.map((key) => {
      const value = tree[key] ?? '';
      return typeof value === 'string' ? value : dataXml(value, inInterface);
    });
  const answer: Record<string, Xml> = {};
  for (const [key, value] of Object.entries(tree)) {
    // Inside a network interface the groups are called differently, the list and its elements.
    if (inInterface && key === 'SecurityGroupId') {
      answer['groupSet'] = new NamedList('groupId', Object.values(value).map(String));
      continue;
    }
    const name = OUTPUT_NAMES[key] ?? key.charAt(0).toLowerCase() + key.slice(1);
    answer[name] = typeof value === 'string' ? value : dataXml(value, inInterface || key === 'NetworkInterface');
  }
  return answer;
}

function templateXml(template: LaunchTemplate): Xml {
  return {
    launchTemplateId: template.id,
    launchTemplateName: template.name,
    createTime: new Date(template.createdAt),
    createdBy: template.createdBy,
    defaultVersionNumber: template.defaultVersion,
    latestVersionNumber: template.versions.at(-1)?.number,
    tagSet: tagXml(template.tags),
  };
}

function versionXml(template: LaunchTemplate, version: TemplateVersion): Xml {
  return {
    launchTemplateId: template.id,
    launchTemplateName: template.name,
    versionNumber: version.number,
    versionDescription: version.description,
    createTime: new Date(version.createdAt),
    createdBy: version.createdBy,
    defaultVersion: version.number === template.defaultVersion,
    launchTemplateData: dataXml(version.data),
  };
}

const createLaunchTemplate: Action = (core, call) => {
  const name = call.fields.required('LaunchTemplateName');
  const data = call.fields.group('LaunchTemplateData');
  if (!data) throw new AwsServiceError('MissingParameter', 'The request must contain the parameter LaunchTemplateData');
  if (!/^[a-zA-Z0-9().\-/_]{3,128}$/.test(name))
    throw new AwsServiceError(
      'InvalidLaunchTemplateName.MalformedException',
      `The launch template name ${name} is malformed.`,
    );
  const tags = tagSpecification(call.fields.groups('TagSpecification'), 'launch-template');
  authorize(
    core,
    call.principal,
    'ec2:CreateLaunchTemplate',
    core.network.arn('launch-template/*'),
    requestTagConditions(tags),
  );
  if (Object.keys(tags).length > 0)
    authorize(core, call.principal, 'ec2:CreateTags', core.network.arn('launch-template/*'), {
      ...requestTagConditions(tags),
      'ec2:CreateAction': 'CreateLaunchTemplate',
    });
  endDryRun(call);
  const existing = [...core.state.templates.values()].find((template) => template.name === name);
  const token = call.fields.text('ClientToken');
  if (token !== undefined) {
    const used = core.state.token(call.action, token);
    if (used && used.fingerprint !== call.fields.fingerprint())
      throw new AwsServiceError('IdempotentParameterMismatch', 'The client token was used with different parameters.');
    const made = used && core.state.templates.get(used.made);
    if (made) return { launchTemplate: templateXml(made) };
  }
  if (existing)
    throw new AwsServiceError(
      'InvalidLaunchTemplateName.AlreadyExistsException',
      'Launch template name already in use.',
    );
  const now = core.context.clock.now();
  const template: LaunchTemplate = {
    kind: 'template',
    id: templateIdOf(name),
    name,
    createdAt: now,
    createdBy: call.principal.arn,
    defaultVersion: 1,
    versions: [versionFrom(call, data, 1, now)],
    tags,
  };
  core.state.save(template);
  if (token !== undefined)
    core.state.rememberToken(call.action, token, {
      kind: 'token',
      fingerprint: call.fields.fingerprint(),
      made: template.id,
      at: now,
    });
  return { launchTemplate: templateXml(template) };
};

function versionFrom(call: Call, data: Fields, number: number, now: number): TemplateVersion {
  for (const each of data.groups('TagSpecification')) readTags(each.groups('Tag'));
  return {
    number,
    description: call.fields.text('VersionDescription'),
    createdAt: now,
    createdBy: call.principal.arn,
    data: data.toTree(),
  };
}

const createLaunchTemplateVersion: Action = (core, call) => {
  const template = findTemplate(core, call.fields);
  const data = call.fields.group('LaunchTemplateData');
  if (!data) throw new AwsServiceError('MissingParameter', 'The request must contain the parameter LaunchTemplateData');
  permit(core, call, template);
  const source = call.fields.text('SourceVersion');
  const base = source === undefined ? {} : findVersion(template, source).data;
  const now = core.context.clock.now();
  const version = versionFrom(call, data, (template.versions.at(-1)?.number ?? 0) + 1, now);
  template.versions.push({ ...version, data: { ...base, ...version.data } });
  core.state.save(template);
  return { launchTemplateVersion: versionXml(template, template.versions.at(-1) ?? version) };
};

const modifyLaunchTemplate: Action = (core, call) => {
  const template = findTemplate(core, call.fields);
  permit(core, call, template);
  const version = call.fields.text('SetDefaultVersion');
  if (version !== undefined) template.defaultVersion = findVersion(template, version).number;
  core.state.save(template);
  return { launchTemplate: templateXml(template) };
};

const deleteLaunchTemplate: Action = (core, call) => {
  const template = findTemplate(core, call.fields);
  permit(core, call, template);
  core.state.remove(template.id);
  return { launchTemplate: templateXml(template) };
};

const deleteLaunchTemplateVersions: Action = (core, call) => {
  const template = findTemplate(core, call.fields);
  permit(core, call, template);
  const deleted: Xml[] = [];
  const failed: Xml[] = [];
  for (const wanted of call.fields.texts('LaunchTemplateVersion')) {
    const version = template.versions.find((each) => String(each.number) === wanted);
    const place = { launchTemplateId: template.id, launchTemplateName: template.name, versionNumber: wanted };
    if (version && version.number !== template.defaultVersion) {
      template.versions = template.versions.filter((each) => each !== version);
      deleted.push(place);
    } else
      failed.push({
        ...place,
        responseError: {
          code: version ? 'unexpectedError' : 'launchTemplateVersionDoesNotExist',
          message: version ? 'The default version cannot be deleted.' : 'The launch template version does not exist.',
        },
      });
  }
  core.state.save(template);
  return {
    successfullyDeletedLaunchTemplateVersionSet: deleted,
    unsuccessfullyDeletedLaunchTemplateVersionSet: failed,
  };
};

function permit(core: Core, call: Call, template: LaunchTemplate): void {
  authorize(
    core,
    call.principal,
    `ec2:${call.action}`,
    core.network.arn(`launch-template/${template.id}`),
    resourceTagConditions(template.tags),
  );
  endDryRun(call);
}

const describeLaunchTemplates: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeLaunchTemplates', '*');
  const { fields } = call;
  const ids = fields.texts('LaunchTemplateId');
  const names = fields.texts('LaunchTemplateName');
  const all = [...core.state.templates.values()];
  for (const id of ids) if (!core.state.templates.has(id)) throw templateNotFound(id);
  for (const name of names) if (!all.some((each) => each.name === name)) throw templateNotFound(undefined, name);
  const chosen = all.filter(
    (each) => (ids.length === 0 || ids.includes(each.id)) && (names.length === 0 || names.includes(each.name)),
  );
  const page = selectPage(fields, chosen, (template, filter) => {
    if (filter === 'launch-template-name') return [template.name];
    if (filter === 'create-time') return [new Date(template.createdAt).toISOString()];
    return undefined;
  });
  return { launchTemplates: page.items.map(templateXml), nextToken: page.nextToken };
};

const describeLaunchTemplateVersions: Action = (core, call) => {
  authorize(core, call.principal, 'ec2:DescribeLaunchTemplateVersions', '*');
  const template = findTemplate(core, call.fields);
  const wanted = call.fields.texts('LaunchTemplateVersion');
  const minimum = call.fields.integer('MinVersion') ?? 0;
  const maximum = call.fields.integer('MaxVersion') ?? Infinity;
  const versions =
    wanted.length > 0
      ? wanted.map((each) => findVersion(template, each))
      : template.versions.filter((each) => each.number >= minimum && each.number <= maximum).toReversed();
  const page = selectPage(call.fields, versions, () => undefined);
  return {
    launchTemplateVersionSet: page.items.map((version) => versionXml(template, version)),
    nextToken: page.nextToken,
  };
};

/** By `LaunchTemplateId` or `LaunchTemplateName` of the given fields. */
export function findTemplate(core: Core, fields: Fields): LaunchTemplate {
  const id = fields.text('LaunchTemplateId');
  const name = fields.text('LaunchTemplateName');
  if (id === undefined && name === undefined)
    throw new AwsServiceError(
      'MissingParameter',
      'Either a launch template ID or a launch template name must be specified.',
    );
  const template =
    id === undefined
      ? [...core.state.templates.values()].find((each) => each.name === name)
      : core.state.templates.get(id);
  if (!template) throw templateNotFound(id, name);
  return template;
}

function templateNotFound(id?: string, name?: string): AwsServiceError {
  return id === undefined
    ? new AwsServiceError(
        'InvalidLaunchTemplateName.NotFoundException',
        `The specified launch template, with template name ${name}, does not exist.`,
      )
    : new AwsServiceError(
        'InvalidLaunchTemplateId.NotFound',
        `The specified launch template, with template ID ${id}, does not exist.`,
      );
}

/** `$Latest`, `$Default` (also when none is named) or a number. */
export function findVersion(template: LaunchTemplate, wanted: string | undefined): TemplateVersion {
  const latest = template.versions.at(-1);
  const version =
    wanted === '$Latest'
      ? latest
      : template.versions.find(
          (each) =>
            String(each.number) ===
            (wanted === undefined || wanted === '$Default' ? String(template.defaultVersion) : wanted),
        );
  if (!version)
    throw new AwsServiceError(
      'InvalidLaunchTemplateId.VersionNotFound',
      `Could not find the specified version ${wanted} for the launch template with ID ${template.id}.`,
    );
  return version;
}

export const TEMPLATE_ACTIONS: Record<string, Action> = {
  CreateLaunchTemplate: createLaunchTemplate,
  CreateLaunchTemplateVersion: createLaunchTemplateVersion,
  ModifyLaunchTemplate: modifyLaunchTemplate,
  DeleteLaunchTemplate: deleteLaunchTemplate,
  DeleteLaunchTemplateVersions: deleteLaunchTemplateVersions,
  DescribeLaunchTemplates: describeLaunchTemplates,
  DescribeLaunchTemplateVersions: describeLaunchTemplateVersions,
};

import { Code, Text } from '@mantine/core';
import type { Environment } from '~/api/kinds';
import type { RightQuestion } from '~/api/server';
import { CopyLine } from '~/parts/CopyLine';
import { RightLine } from '~/parts/RightLine';

/** What the caller may do here, and how it is found out and given to others. */
export function EnvironmentAccess({ environment: { metadata, spec } }: { environment: Environment }) {
  const { namespace, name } = metadata;
  const rights: { text: string; question: RightQuestion }[] = [
    { text: 'release, promote, roll back', question: { verb: 'create', resource: 'releases', namespace } },
    { text: 'approve and reject', question: { verb: 'create', resource: 'approvals', namespace } },
    { text: 'cancel and confirm', question: { verb: 'patch', resource: 'releases', namespace } },
    { text: 'configure apps', question: { verb: 'create', resource: 'configchanges', namespace } },
    { text: 'uninstall apps', question: { verb: 'delete', resource: 'apps', namespace } },
    { text: 'lock and change it', question: { verb: 'patch', resource: 'environments', namespace, name } },
    { text: 'delete it', question: { verb: 'delete', resource: 'environments', namespace, name } },
  ];
  const { approval } = spec;
  return (
    <section className="panel" aria-label="Access">
      <div className="panel-body">
        <table className="data">
          <thead>
            <tr>
              <th>In {name} you may</th>
              <th>Answer of the API server</th>
            </tr>
          </thead>
          <tbody>
            {rights.map(({ text, question }) => (
              <RightLine key={text} text={text} question={question} />
            ))}
          </tbody>
        </table>
        <Text size="sm" mt="md">
          Whoever may <Code>create releases</Code> in the namespace <Code>{namespace}</Code> may release to all its
          environments
          {approval
            ? `; each release here waits for ${approval.count ?? 1} of those who may create approvals, ${approval.own ? 'also whoever made it' : 'but not whoever made it'}.`
            : '.'}{' '}
          Roles are Kubernetes&apos;: this lists who they are bound to, and gives one to a group.
        </Text>
        <CopyLine text={`kubectl get rolebindings -n ${namespace} -o wide`} />
        <CopyLine
          text={`kubectl create rolebinding releasers -n ${namespace} --clusterrole=gimlet-releaser --group=GROUP`}
        />
      </div>
    </section>
  );
}

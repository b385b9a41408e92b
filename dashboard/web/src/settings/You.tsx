import { Code } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { useMe } from '~/api/rights';
import { type RightQuestion, readNamespaces } from '~/api/server';
import { absolute } from '~/domain/time';
import { RightLine } from '~/parts/RightLine';
import { Failure, Loading } from '~/parts/states';

const rights: { text: string; question: Omit<RightQuestion, 'namespace'> }[] = [
  { text: 'see apps', question: { verb: 'list', resource: 'apps' } },
  { text: 'release, promote, roll back', question: { verb: 'create', resource: 'releases' } },
  { text: 'approve and reject', question: { verb: 'create', resource: 'approvals' } },
  { text: 'cancel and confirm', question: { verb: 'patch', resource: 'releases' } },
  { text: 'hold and lock apps', question: { verb: 'patch', resource: 'apps' } },
  { text: 'lock environments', question: { verb: 'patch', resource: 'environments' } },
  { text: 'see repositories and commits', question: { verb: 'list', resource: 'repositories' } },
];

/** Who is signed in, and what they may do. */
export function You() {
  const me = useMe();
  const { ns } = useSearch({ strict: false });
  const namespaces = useQuery({ queryKey: ['namespaces'], queryFn: readNamespaces, staleTime: 60_000 });
  const shown = ns ? [ns] : (namespaces.data ?? []);
  return (
    <section className="panel" aria-label="You">
      <header>
        <h2>You</h2>
      </header>
      <div className="panel-body">
        {me.isPending && <Loading lines={3} />}
        {me.error && <Failure error={me.error} again={() => void me.refetch()} />}
        {me.data && (
          <dl className="facts">
            <dt>User</dt>
            <dd className="mono">{me.data.user}</dd>
            <dt>Groups</dt>
            <dd className="mono">{me.data.groups.join(', ') || 'none'}</dd>
            <dt>Session until</dt>
            <dd>{absolute(me.data.expires)}</dd>
            <dt>On the command line</dt>
            <dd>
              <Code>gimlet login {location.origin}</Code>
            </dd>
          </dl>
        )}
        {namespaces.error && <Failure error={namespaces.error} again={() => void namespaces.refetch()} />}
        {shown.map((namespace) => (
          <table key={namespace} className="data rights">
            <caption className="visually-hidden">What you may do in {namespace}</caption>
            <thead>
              <tr>
                <th>In {namespace} you may</th>
                <th>Answer of the API server</th>
              </tr>
            </thead>
            <tbody>
              {rights.map(({ text, question }) => (
                <RightLine key={text} text={text} question={{ ...question, namespace }} />
              ))}
            </tbody>
          </table>
        ))}
      </div>
    </section>
  );
}

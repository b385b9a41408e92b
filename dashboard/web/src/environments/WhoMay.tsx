import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Environment } from '~/api/kinds';
import { type Holder, readAccess } from '~/api/server';
import { Failure, Loading } from '~/parts/states';
import { sorted } from './holders';

/** Who else may do things here: roles and bindings, read as whoever looks. */
export function WhoMay({ environment: { metadata } }: { environment: Environment }) {
  const { namespace, name } = metadata;
  const access = useQuery({
    queryKey: ['access', namespace, name],
    queryFn: () => readAccess(namespace, name),
    staleTime: 30_000,
  });
  const { data } = access;
  const lacks = data ? [...data.missing, ...data.unread] : [];
  return (
    <section className="panel who-may" aria-label="Who may">
      <header>
        <h2>Who may</h2>
      </header>
      <div className="panel-body">
        {access.isPending && <Loading lines={4} />}
        {access.error && (
          <Failure error={access.error} again={() => void access.refetch()} kept={access.dataUpdatedAt} />
        )}
        {data && data.missing.length > 0 && (
          <Text size="sm" mb="sm" className="wrap">
            This is not the whole answer: you may not {data.missing.join(', ')}.
          </Text>
        )}
        {data && (
          <table className="data">
            <thead>
              <tr>
                <th>In {name}</th>
                <th>may</th>
              </tr>
            </thead>
            <tbody>
              {data.actions.map(({ text, right, subjects }) => (
                <tr key={right}>
                  <td>
                    {text}
                    <Text size="xs" c="dimmed">
                      {right}
                    </Text>
                  </td>
                  <td className="wrap">
                    <Holders subjects={subjects} none={lacks.length > 0 ? 'nobody that you may see' : 'nobody'} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        {data && data.unread.length > 0 && (
          <Text size="xs" c="dimmed" mt="sm" className="wrap">
            What these give cannot be seen: {data.unread.join('; ')}.
          </Text>
        )}
        <Text size="xs" c="dimmed" mt="sm">
          Read from Kubernetes&apos; roles and bindings with your own rights. Who is in a group the identity provider
          knows; authorizers beside roles, and who may act as somebody else, are not in it.
        </Text>
      </div>
    </section>
  );
}

/** Names who holds a right; what belongs to Kubernetes itself is folded. */
function Holders({ subjects, none }: { subjects: readonly Holder[]; none: string }) {
  const { people, kubernetes } = sorted(subjects);
  return (
    <>
      {people.length === 0 && none}
      {people.map((each) => (
        <HolderLine key={`${each.kind} ${each.name}`} holder={each} />
      ))}
      {kubernetes.length > 0 && (
        <details className="who-system">
          <summary>and {kubernetes.length} of Kubernetes itself</summary>
          {kubernetes.map((each) => (
            <HolderLine key={`${each.kind} ${each.name}`} holder={each} />
          ))}
        </details>
      )}
    </>
  );
}

const HolderLine = ({ holder: { kind, name, through } }: { holder: Holder }) => (
  <div>
    {kind.replace('ServiceAccount', 'Account').toLowerCase()} <strong>{name}</strong>
    <Text span size="xs" c="dimmed">
      {' '}
      by {through.join('; ')}
    </Text>
  </div>
);

import { Button, Code, CopyButton, Group, Text, Title } from '@mantine/core';
import { useConfig, useMe } from '~/api/rights';

/** What somebody is shown who may see nothing at all: who they are, and what to send to whoever gives rights. */
export function NoRights({ again }: { again: () => void }) {
  const me = useMe().data;
  const config = useConfig().data;
  if (!me) return null;
  const block = [
    `user:    ${me.user}`,
    `groups:  ${me.groups.join(', ') || 'none'}`,
    `cluster: ${config?.cluster ?? 'unknown'}`,
    `address: ${location.origin}`,
    ...(me.missingClaim ? [`note:    the token of the provider has no claim ${me.missingClaim}`] : []),
  ].join('\n');
  return (
    <section className="panel no-rights" aria-label="No rights">
      <Title order={1} size="h4">
        You are signed in, and may see nothing here
      </Title>
      <Text size="sm" mt="xs">
        No role lets you list apps or environments in any namespace. Send this to whoever gives rights in the cluster:
      </Text>
      <Code block mt="sm" className="no-rights-who">
        {block}
      </Code>
      {me.missingClaim && (
        <Text size="sm" mt="sm">
          The provider says nothing of your groups: its token has no claim <Code>{me.missingClaim}</Code>. Roles that
          are bound to groups do not count then. Whoever runs the provider adds the claim to this client, or whoever
          runs the dashboard asks for the scope that brings it.
        </Text>
      )}
      <Text size="sm" mt="sm">
        They bind one of Gimlet's roles, such as{' '}
        <Code>{`kubectl create rolebinding ${nameOf(me.user)} -n NAMESPACE --clusterrole=gimlet-viewer --user=${me.user}`}</Code>
      </Text>
      <Group gap="xs" mt="md">
        <CopyButton value={block}>
          {({ copied, copy }) => (
            <Button size="compact-sm" onClick={copy}>
              {copied ? 'Copied' : 'Copy'}
            </Button>
          )}
        </CopyButton>
        <Button size="compact-sm" variant="default" onClick={again}>
          Try again
        </Button>
      </Group>
    </section>
  );
}

const nameOf = (user: string) => user.replace(/[^a-z0-9-]+/gi, '-').toLowerCase();

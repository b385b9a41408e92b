import { Alert, Anchor, Button, Code, Divider, Group, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { sentence, withQuery } from '~/api/http';
import { useConfig } from '~/api/rights';
import { signIn } from '~/api/server';
import { Logo } from './Logo';
import './shell.css';

/** Signs in at the provider, or with a Kubernetes token. */
export function SignIn({ onEntered, page }: { onEntered: () => Promise<void>; page?: boolean }) {
  const config = useConfig();
  const [token, setToken] = useState('');
  const enter = useMutation({
    mutationFn: () => signIn(token.trim()),
    onSuccess: async () => {
      setToken('');
      await onEntered();
    },
  });
  const { provider, refused } = config.data ?? {};
  const form = (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (token.trim()) enter.mutate();
      }}
    >
      <Stack gap="sm">
        <PasswordInput
          label="Kubernetes token"
          description="It is sent to the dashboard server once, and never kept in this browser."
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          autoComplete="off"
          data-autofocus
          error={enter.error ? sentence(enter.error) : undefined}
        />
        <Button
          type="submit"
          variant={provider ? 'default' : 'filled'}
          loading={enter.isPending}
          disabled={!token.trim()}
        >
          Sign in
        </Button>
        <Text size="xs" c="dimmed">
          A token of a service account: <Code>kubectl create token viewer</Code>
        </Text>
      </Stack>
    </form>
  );
  const ways = (
    <>
      {provider && (
        <>
          <ProviderButton name={provider} page={page} />
          <Divider my="md" label="or paste a Kubernetes token" labelPosition="center" />
        </>
      )}
      {form}
    </>
  );
  if (!page) return ways;
  return (
    <main className="sign-in">
      <div className="panel sign-in-card">
        <Group gap="sm" mb="lg">
          <Logo size={34} />
          <div>
            <Title order={1} size="h3">
              Gimlet
            </Title>
            <Text size="sm" c="dimmed">
              {config.data ? `cluster ${config.data.cluster} · ${config.data.version}` : ' '}
            </Text>
          </div>
        </Group>
        {config.error && (
          <Alert color="red" mb="md" role="alert">
            {sentence(config.error)}{' '}
            <Anchor component="button" type="button" inherit onClick={() => void config.refetch()}>
              Try again
            </Anchor>
          </Alert>
        )}
        {refused && (
          <Alert color="red" variant="light" mb="md" role="alert" title="You are not signed in" className="wrap">
            {refused.detail}
          </Alert>
        )}
        {ways}
      </div>
    </main>
  );
}

/** Goes to the provider: from the page of its own in this tab, else in another one, so that this one keeps its drafts. */
function ProviderButton({ name, page }: { name: string; page: boolean | undefined }) {
  const to = page ? `${location.pathname}${location.search}` : '/';
  return (
    <Button
      component="a"
      href={withQuery('/auth/login', { to })}
      target={page ? undefined : '_blank'}
      rel={page ? undefined : 'noopener'}
      fullWidth
    >
      Continue with {name}
    </Button>
  );
}

import { PasswordInput, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { type Draft, hostOf, type Provider } from './draft';
import type { Secrets } from './secrets';

const RIGHTS: Record<Provider, string> = {
  GitHub: 'A fine-grained token for this repository: Contents read and write; for pull requests, Pull requests too.',
  GitLab: 'A project access token with the role Maintainer or Developer: write_repository; for merge requests, api.',
  Gitea: 'A token with write:repository.',
};

interface Props {
  draft: Draft;
  secrets: Secrets;
  give: (change: Partial<Secrets>) => void;
}

/** Asks for what is secret. It is never in the URL, in storage or in a log. */
export function CredentialFields({ draft: { way, provider, url }, secrets, give }: Props) {
  const plain = { autoComplete: 'off', spellCheck: false } as const;
  const area = { ...plain, autosize: true, minRows: 3, maxRows: 8, classNames: { input: 'mono' } };
  if (way === 'token')
    return (
      <Stack gap="sm">
        <PasswordInput
          label="Token"
          description={provider ? RIGHTS[provider] : 'One that may push to the repository.'}
          autoComplete="new-password"
          value={secrets.token}
          onChange={(event) => give({ token: event.currentTarget.value })}
        />
        <TextInput
          label="User name that goes with it"
          description="Most hosts take any."
          {...plain}
          value={secrets.username}
          onChange={(event) => give({ username: event.currentTarget.value })}
        />
        <Kept />
      </Stack>
    );
  if (way === 'key')
    return (
      <Stack gap="sm">
        <Textarea
          label="Private key of OpenSSH, without a passphrase"
          description="A deploy key of the repository that may write."
          {...area}
          value={secrets.identity}
          onChange={(event) => give({ identity: event.currentTarget.value })}
        />
        <Textarea
          label="Keys of the host (known_hosts)"
          description={`As ssh-keyscan ${hostOf(url) ?? 'HOST'} prints them. Compare them with what the host publishes.`}
          {...area}
          value={secrets.knownHosts}
          onChange={(event) => give({ knownHosts: event.currentTarget.value })}
        />
        <Kept />
      </Stack>
    );
  if (way === 'app')
    return (
      <Stack gap="sm">
        <TextInput
          label="App ID"
          {...plain}
          value={secrets.appId}
          onChange={(event) => give({ appId: event.currentTarget.value })}
        />
        <TextInput
          label="Installation ID"
          description="The number at the end of the installation's address."
          {...plain}
          value={secrets.installationId}
          onChange={(event) => give({ installationId: event.currentTarget.value })}
        />
        <Textarea
          label="Private key (PEM)"
          {...area}
          value={secrets.privateKey}
          onChange={(event) => give({ privateKey: event.currentTarget.value })}
        />
        <Kept />
      </Stack>
    );
  return null;
}

const Kept = () => (
  <Text size="xs" c="dimmed">
    It is sent once, with your own rights, into a Secret of the namespace. This page keeps it in memory until then:
    after a reload it is asked for again.
  </Text>
);

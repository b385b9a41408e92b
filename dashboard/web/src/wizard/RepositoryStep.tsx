import { Checkbox, Code, Radio, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { CopyLine } from '~/parts/CopyLine';
import { Outside } from '~/parts/states';
import { CredentialFields } from './CredentialFields';
import { type Draft, type Faults, hostOf, isMadeByOperator, pageForNew, WAYS, type Way } from './draft';
import { HostFields } from './HostFields';
import { createCommand } from './objects';
import type { Secrets } from './secrets';
import type { Wizard } from './useDraft';

const NAMES: Record<Way, { label: string; text: string }> = {
  token: { label: 'A token', text: 'for an address of HTTPS' },
  key: { label: 'An SSH key', text: 'for an address of SSH, with the keys of the host' },
  app: { label: 'A GitHub App', text: 'its tokens last an hour, and belong to nobody' },
  there: { label: 'A Secret that is there', text: 'made before, by you or somebody else' },
};

interface Props {
  wizard: Wizard;
  faults: Faults;
  secrets: Secrets;
  give: (change: Partial<Secrets>) => void;
}

/** Where releases are written, and by what. */
export function RepositoryStep({ wizard, faults, secrets, give }: Props) {
  const { draft, set } = wizard;
  const { way } = draft;
  return (
    <Stack gap="md">
      <TextInput
        label="Address of the gitops repository"
        description="Without credentials. An empty repository is enough, and files of people in it stay as they are."
        placeholder="https://github.com/acme/gitops.git"
        required
        autoFocus
        value={draft.url}
        error={draft.url && faults.url}
        onChange={(event) => set({ url: event.currentTarget.value.trim() })}
      />
      <Checkbox
        label="It has yet to be made at its host"
        checked={draft.make}
        onChange={(event) => set({ make: event.currentTarget.checked ? 'true' : undefined })}
      />
      {isMadeByOperator(draft) && (
        <>
          <Text size="sm">
            The operator makes it, with the credentials below, as soon as it sees the environment. They need the right
            to.
          </Text>
          <Checkbox
            label="Everybody may see it"
            checked={draft.public}
            onChange={(event) => set({ public: event.currentTarget.checked ? 'true' : undefined })}
          />
          <HostFields wizard={wizard} kind={faults.host} api={faults.hostApi} />
        </>
      )}
      {draft.make && !isMadeByOperator(draft) && (
        <ToBeMade draft={draft} ready={!faults.url && !faults.name && !faults.namespace} />
      )}
      <TextInput
        label="Branch"
        description="Releases are written to it, and Flux follows it. In an empty repository it is made."
        value={draft.branch}
        error={faults.branch}
        onChange={(event) =>
          set({ branch: event.currentTarget.value === 'main' ? undefined : event.currentTarget.value })
        }
      />
      <Radio.Group label="Gimlet writes it by" value={way} onChange={(by) => set({ by })}>
        <Stack gap={6} mt={6}>
          {WAYS.map((each) => (
            <Radio key={each} value={each} size="sm" label={NAMES[each].label} description={NAMES[each].text} />
          ))}
        </Stack>
      </Radio.Group>
      <CredentialFields draft={draft} secrets={secrets} give={give} />
      <TextInput
        label="Name of the Secret"
        description={way === 'there' ? `In the namespace ${draft.namespace}.` : 'It is made in the namespace, as you.'}
        value={draft.secret}
        error={draft.url && faults.secret}
        onChange={(event) => set({ secret: event.currentTarget.value })}
      />
      {way !== 'there' && (
        <details className="wizard-more">
          <summary>The host has certificate authorities of its own</summary>
          <Textarea
            mt="xs"
            label="Certificate authorities (PEM)"
            description={
              <>
                Trusted instead of the public ones: <Code>ca.crt</Code> in the Secret.
              </>
            }
            autosize
            minRows={3}
            maxRows={8}
            spellCheck={false}
            value={secrets.authorities}
            onChange={(event) => give({ authorities: event.currentTarget.value })}
          />
        </details>
      )}
    </Stack>
  );
}

/** A key is no token: the repository is made with its host's own form, or by the command line with your token. */
function ToBeMade({ draft, ready }: { draft: Draft; ready: boolean }) {
  const page = pageForNew(draft);
  return (
    <section className="wizard-note" aria-label="Make the repository">
      <Text size="sm">
        A key cannot make a repository.{' '}
        {page ? (
          <>
            <Outside href={page}>Make it at {hostOf(draft.url)}</Outside>, empty, then go on here
          </>
        ) : (
          'Make it there, empty, then go on here'
        )}
        ; or run this, which does the rest of this page&apos;s steps too, and this page sees it by itself:
      </Text>
      {ready ? (
        <CopyLine text={createCommand(draft)} />
      ) : (
        <Text size="sm" c="dimmed">
          The command is here as soon as name, namespace and address are.
        </Text>
      )}
    </section>
  );
}

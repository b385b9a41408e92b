import { Checkbox, Radio, Stack, TextInput } from '@mantine/core';
import { type Faults, isMadeByOperator } from './draft';
import { HostFields } from './HostFields';
import type { Wizard } from './useDraft';

/** How the repository is divided, and how commits come to the branch. */
export function LayoutStep({ wizard, faults }: { wizard: Wizard; faults: Faults }) {
  const { draft, set } = wizard;
  return (
    <Stack gap="md">
      <Radio.Group
        label="The environment is"
        description="This, the address and the branch cannot change afterwards."
        value={draft.whole ? 'whole' : 'folder'}
        onChange={(value) => set({ whole: value === 'whole' ? 'true' : undefined })}
      >
        <Stack gap={6} mt={6}>
          <Radio
            value="folder"
            size="sm"
            label="A folder of the repository"
            description="Environments share it: one place to look, one set of rights at the host."
          />
          <Radio
            value="whole"
            size="sm"
            label="The whole repository"
            description="Each environment has its own: rights at the host differ, such as for production."
          />
        </Stack>
      </Radio.Group>
      {!draft.whole && (
        <TextInput
          label="Folder"
          value={draft.path}
          error={faults.path}
          onChange={(event) => set({ path: event.currentTarget.value })}
        />
      )}
      <Checkbox
        label="Write by pull requests"
        description="Where the branch is protected. People merge them at the host."
        checked={draft.pulls}
        onChange={(event) => set({ pulls: event.currentTarget.checked ? 'true' : undefined })}
      />
      {draft.pulls && !isMadeByOperator(draft) && (
        <HostFields wizard={wizard} kind={faults.provider} api={faults.apiUrl} />
      )}
      <TextInput
        label="Namespace of Flux' objects"
        description="In the cluster that the environment is applied to."
        value={draft.fluxNamespace}
        error={faults.flux}
        onChange={(event) =>
          set({ flux: event.currentTarget.value === 'flux-system' ? undefined : event.currentTarget.value })
        }
      />
    </Stack>
  );
}

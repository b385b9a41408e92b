import { Select, TextInput } from '@mantine/core';
import { knownProvider, PROVIDERS } from './draft';
import type { Wizard } from './useDraft';

/** What the API of a host needs: for pull requests, and to make the repository. */
export function HostFields({ wizard: { draft, set }, kind, api }: { wizard: Wizard; kind?: string; api?: string }) {
  return (
    <>
      {!knownProvider(draft.url) && (
        <Select
          label="Kind of host"
          data={[...PROVIDERS]}
          value={draft.provider ?? null}
          error={draft.url && kind}
          allowDeselect={false}
          onChange={(provider) => set({ provider: provider ?? undefined })}
        />
      )}
      <TextInput
        label="Address of its API"
        description="Only where it is another than usual."
        value={draft.apiUrl}
        error={api}
        onChange={(event) => set({ api: event.currentTarget.value.trim() })}
      />
    </>
  );
}

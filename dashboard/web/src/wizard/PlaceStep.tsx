import { Autocomplete, Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { readNamespaces } from '~/api/server';
import type { Faults } from './draft';
import type { Wizard } from './useDraft';

export const useNamespaces = () => useQuery({ queryKey: ['namespaces'], queryFn: readNamespaces, staleTime: 60_000 });

/** What the environment is called, and whose it is. */
export function PlaceStep({ wizard: { draft, set }, faults }: { wizard: Wizard; faults: Faults }) {
  const { data = [] } = useNamespaces();
  const known = data.includes(draft.namespace);
  return (
    <Stack gap="md">
      <TextInput
        label="Name"
        description="What people call the place: staging, production, prod-eu."
        required
        data-autofocus
        autoFocus
        value={draft.name}
        error={draft.name && faults.name}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <Autocomplete
        label="Namespace"
        description="In Gimlet's cluster. Whoever has rights in it has them in all its environments: give teams, or production, one of their own."
        required
        data={data}
        value={draft.namespace}
        error={draft.namespace && faults.namespace}
        onChange={(namespace) => set({ in: namespace })}
      />
      {draft.namespace && !faults.namespace && (
        <Text size="sm" c="dimmed">
          {known ? 'It is there.' : 'It is made, unless it is there.'}
        </Text>
      )}
    </Stack>
  );
}

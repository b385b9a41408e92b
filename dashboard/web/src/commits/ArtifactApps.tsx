import { Button, Modal, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Failure, Loading } from '~/parts/states';
import { appsOf } from '~/release/candidates';
import { artifactQuery } from './useDeployable';

interface Props {
  namespace: string;
  name: string;
  onChoose: (app: string) => void;
  onClose: () => void;
}

/** Asks which app of an artifact is to be released; of one that has only one, nothing is asked. */
export function ArtifactApps({ namespace, name, onChoose, onClose }: Props) {
  const artifact = useQuery(artifactQuery(namespace, name));
  const apps = artifact.data ? appsOf(artifact.data) : [];
  const only = apps.length === 1 ? apps[0] : undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: chosen once, when it is known
  useEffect(() => {
    if (only) onChoose(only);
  }, [only]);
  if (only) return null;
  return (
    <Modal opened onClose={onClose} title="Which app?" centered>
      {artifact.isPending && <Loading lines={2} />}
      {artifact.error && <Failure error={artifact.error} again={() => void artifact.refetch()} />}
      {artifact.data === null && <Text size="sm">The artifact {name} is no longer there.</Text>}
      {artifact.data && apps.length === 0 && <Text size="sm">The artifact has no manifest that can be released.</Text>}
      <Stack gap="xs">
        {apps.map((app) => (
          <Button key={app} variant="default" onClick={() => onChoose(app)}>
            {app}
          </Button>
        ))}
      </Stack>
    </Modal>
  );
}

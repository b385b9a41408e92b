import { Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { remove } from '~/api/http';
import { type App, pathOf } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { CopyLine } from '~/parts/CopyLine';
import { Guarded } from '~/parts/Guarded';
import { TypedDelete } from '~/parts/TypedDelete';

/** Ends an app in one environment: its folder goes from git, and so its objects from the cluster. */
export function Uninstall({ app: { metadata, spec } }: { app: App }) {
  const { namespace, name } = metadata;
  const right = useRight({ verb: 'delete', resource: 'apps', namespace, name });
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Guarded
        right={right}
        variant="default"
        onClick={open}
        unless={metadata.deletionTimestamp !== undefined && 'It is being uninstalled.'}
      >
        Uninstall…
      </Guarded>
      {opened && (
        <TypedDelete
          name={name}
          verb="Uninstall"
          act={() => remove(pathOf('apps', namespace, name))}
          onDone={close}
          onClose={close}
        >
          <Text size="sm">
            {spec.deletionPolicy === 'Orphan'
              ? 'Only the App goes: by its deletionPolicy, git and the cluster stay as they are.'
              : `A commit removes the folder of ${spec.app} in ${spec.environment}, and Flux its objects from the cluster. Earlier releases stay in the history of git.`}
          </Text>
          <CopyLine text={`gimlet delete app ${spec.app} -e ${spec.environment} -n ${namespace}`} />
        </TypedDelete>
      )}
    </>
  );
}

import { Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { patch, remove } from '~/api/http';
import { type App, type Environment, pathOf } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { CopyLine } from '~/parts/CopyLine';
import { Guarded } from '~/parts/Guarded';
import { tellRefusal } from '~/parts/refused';
import { TypedDelete } from '~/parts/TypedDelete';

/** What stops an environment, or ends it. */
export function EnvironmentDanger({ environment, apps }: { environment: Environment; apps: readonly App[] }) {
  const { namespace, name } = environment.metadata;
  return (
    <section className="panel" aria-label="Danger">
      <ul className="danger">
        <li>
          <div>
            <strong>{environment.spec.suspend ? 'Go on' : 'Suspend'}</strong>
            <Text size="sm" c="dimmed">
              {environment.spec.suspend
                ? 'Releases wait, and the operator leaves the repository alone.'
                : 'Releases wait, and the operator leaves the repository alone, until somebody lets it go on. What runs stays.'}
            </Text>
          </div>
          <Suspend environment={environment} />
        </li>
        {environment.spec.observedBy === 'Agent' && (
          <li>
            <div>
              <strong>Exchange the agent&apos;s token</strong>
              <Text size="sm" c="dimmed">
                The old one is good until it expires, or until its service account is deleted.
              </Text>
              <CopyLine
                text={`gimlet env connect ${name} -n ${namespace} --cluster-context CONTEXT --agent ${location.origin}`}
              />
            </div>
          </li>
        )}
        <li>
          <div>
            <strong>Delete</strong>
            <Text size="sm" c="dimmed">
              Only the Environment goes. Git and the cluster stay as they are, and Flux goes on applying the repository.
            </Text>
          </div>
          <Delete environment={environment} apps={apps} />
        </li>
      </ul>
    </section>
  );
}

function Suspend({ environment: { metadata, spec } }: { environment: Environment }) {
  const { namespace, name } = metadata;
  const right = useRight({ verb: 'patch', resource: 'environments', namespace, name });
  const act = useMutation({
    mutationFn: () => patch(pathOf('environments', namespace, name), { spec: { suspend: !spec.suspend } }),
    onError: tellRefusal,
  });
  return (
    <Guarded right={right} variant="default" loading={act.isPending} onClick={() => act.mutate()}>
      {spec.suspend ? 'Go on' : 'Suspend'}
    </Guarded>
  );
}

function Delete({ environment, apps }: { environment: Environment; apps: readonly App[] }) {
  const { namespace, name } = environment.metadata;
  const right = useRight({ verb: 'delete', resource: 'environments', namespace, name });
  const [opened, { open, close }] = useDisclosure(false);
  const navigate = useNavigate();
  const many = apps.length === 1 ? 'is 1 app' : `are ${apps.length} apps`;
  return (
    <>
      <Guarded
        right={right}
        color="red"
        variant="outline"
        onClick={open}
        unless={apps.length > 0 && `There ${many} in it: uninstall them first.`}
      >
        Delete…
      </Guarded>
      {opened && (
        <TypedDelete
          name={name}
          verb="Delete"
          act={() => remove(pathOf('environments', namespace, name))}
          onDone={() => void navigate({ to: '/environments', search: ({ ns }) => ({ ns }) })}
          onClose={close}
        />
      )}
    </>
  );
}

import { Alert, Button, Group, Loader, Text } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconGitPullRequest, IconX } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useEffectEvent } from 'react';
import { type ConfigChange, type ConfigChangePhase, condition } from '~/api/kinds';
import { Failure, Outside, Sha } from '~/parts/states';
import { YamlButton } from '~/parts/YamlButton';
import { useChange } from './useChange';
import type { Drafting } from './useDraft';

const BothSides = lazy(() => import('./YamlEditor').then((each) => ({ default: each.BothSides })));

const titles: Record<ConfigChangePhase, string> = {
  Pending: 'The operator writes it…',
  Proposed: 'A pull request waits to be merged',
  Committed: 'Committed',
  Unchanged: 'The branch had exactly this already',
  Conflict: 'Somebody else changed the file: nothing was written',
  Closed: 'The pull request was closed without being merged',
  Failed: 'It could not be written',
};
const colours: Record<ConfigChangePhase, string> = {
  Pending: 'blue',
  Proposed: 'blue',
  Committed: 'green',
  Unchanged: 'gray',
  Conflict: 'orange',
  Closed: 'gray',
  Failed: 'red',
};
const icons: Record<ConfigChangePhase, React.ReactNode> = {
  Pending: <Loader size={16} />,
  Proposed: <IconGitPullRequest size={18} />,
  Committed: <IconCheck size={18} />,
  Unchanged: <IconCheck size={18} />,
  Conflict: <IconAlertTriangle size={18} />,
  Closed: <IconX size={18} />,
  Failed: <IconX size={18} />,
};

interface Props {
  namespace: string;
  name: string;
  /** Hears how far it is, each time that it is further. */
  onPhase: (change: ConfigChange, phase: ConfigChangePhase) => void;
  close: () => void;
}

/** What became of a change that was sent. Done is what the operator says. */
export function ChangeState({ namespace, name, onPhase, close }: Props) {
  const queries = useQueryClient();
  const { phase, change, error, again } = useChange(namespace, name);
  const tell = useEffectEvent(() => change && onPhase(change, phase));
  const known = change !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each phase of each change is told once
  useEffect(() => {
    if (known) tell();
  }, [known, phase, name]);
  useEffect(() => {
    if (phase !== 'Pending') void queries.invalidateQueries({ queryKey: ['source files', namespace] });
  }, [phase, namespace, queries]);
  if (error && !change) return <Failure error={error} again={again} />;
  const status = change?.status;
  const ready = condition(status?.conditions, 'Ready');
  return (
    <Alert
      color={colours[phase]}
      variant="light"
      mb="sm"
      role="status"
      icon={icons[phase]}
      title={titles[phase]}
      withCloseButton
      closeButtonLabel="Close"
      onClose={close}
    >
      <Group gap="xs" className="wrap">
        {status?.pullRequest && (
          <Outside href={status.pullRequest.url}>Pull request {status.pullRequest.number}</Outside>
        )}
        {status?.commit && (
          <span>
            Commit <Sha id={status.commit.sha} href={status.commit.url} />
            {status.branch && phase === 'Committed' ? ` on ${status.branch}` : ''}
          </span>
        )}
        {phase !== 'Committed' && ready?.message && (
          <Text size="sm" span className="wrap">
            {ready.message}
          </Text>
        )}
        {change && <YamlButton title={`ConfigChange ${name}`} object={change} />}
      </Group>
    </Alert>
  );
}

/** Says that the file is another one by now, shows both sides, and offers the merge. */
export function Stale({ draft, onMerged }: { draft: Drafting; onMerged: (conflicts: number) => void }) {
  const { theirs, text, merge, drop } = draft;
  if (!theirs) return null;
  return (
    <Alert
      color="orange"
      variant="light"
      mb="sm"
      role="alert"
      icon={<IconAlertTriangle size={18} />}
      title="Somebody else changed this file since you began"
    >
      <Text size="sm">
        Left is what the branch has now, right is what you have. Nothing of either is lost: the merge puts both into
        your text, and marks the lines that both have changed.
      </Text>
      <Suspense>
        <BothSides theirs={theirs.content} mine={text} />
      </Suspense>
      <Group gap="xs">
        <Button size="compact-sm" onClick={() => onMerged(merge()?.conflicts ?? 0)}>
          Merge both
        </Button>
        <Button size="compact-sm" variant="default" onClick={drop}>
          Drop mine, take theirs
        </Button>
      </Group>
    </Alert>
  );
}

import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { agentRight } from '~/api/agentRights';
import type { Running } from '~/api/agents';
import { type Panel, withPanel } from '~/domain/panel';
import { type Branch, treeOf } from '~/domain/tree';
import { Age, useNow } from '~/parts/Age';
import { Empty, Loading, Outside } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';

/** More than so many below one object are folded until somebody asks. */
const MANY = 20;

interface Props {
  panel: Panel;
  running: Running | undefined;
  loaded: boolean;
}

/** What an app owns in the cluster, from what Flux has applied down to its pods, as the agent told it last. */
export function ResourceTree({ panel, running, loaded }: Props) {
  const now = useNow();
  const tree = useMemo(() => (running ? treeOf(running.state) : []), [running]);
  if (!running) {
    if (!loaded) return <Loading lines={8} />;
    return <Empty>{agentRight(undefined, panel.environment, 'describe', now).text}</Empty>;
  }
  const old = running.silent ?? running.blind?.since;
  return (
    <>
      {old && (
        <div className="logs-said" role="status">
          <Text size="sm">
            This is how it was <Age time={old} ago />: the agent{' '}
            {running.silent ? 'is silent' : 'does not see its cluster'}.
          </Text>
        </div>
      )}
      {tree.length === 0 && <Empty>The agent knows of nothing that the app has in this cluster.</Empty>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard */}
      <section className={old ? 'logs-events tree stale' : 'logs-events tree'} aria-label="Resource tree" tabIndex={0}>
        <Branches branches={tree} panel={panel} logs={running.can.includes('logs')} />
      </section>
    </>
  );
}

interface BranchesProps {
  branches: readonly Branch[];
  panel: Panel;
  /** Whether the agent reads logs. */
  logs: boolean;
}

function Branches({ branches, ...rest }: BranchesProps) {
  return (
    <ul>
      {branches.map((branch) => (
        <li key={`${branch.kind}/${branch.namespace ?? ''}/${branch.name}`}>
          <OneBranch branch={branch} {...rest} />
        </li>
      ))}
    </ul>
  );
}

function OneBranch({ branch, ...rest }: { branch: Branch } & Omit<BranchesProps, 'branches'>) {
  const { children, omitted } = branch;
  const line = branch.kind && <Line branch={branch} {...rest} />;
  if (children.length === 0 && !omitted) return line;
  const below = (
    <>
      {children.length > 0 && <Branches branches={children} {...rest} />}
      {omitted && (
        <Text size="xs" c="dimmed" className="tree-more">
          {omitted} more are not listed.
        </Text>
      )}
    </>
  );
  if (!line) return below;
  return (
    <details open={children.length <= MANY}>
      <summary>
        {line}
        {children.length > MANY && (
          <Text span size="xs" c="dimmed">
            {' '}
            {children.length} below it
          </Text>
        )}
      </summary>
      {below}
    </details>
  );
}

function Line({ branch, panel, logs }: { branch: Branch } & Omit<BranchesProps, 'branches'>) {
  const { kind, name, namespace, word, text, pod } = branch;
  const named = <span className="mono">{namespace ? `${namespace}/${name}` : name}</span>;
  const label = (
    <>
      {kind}{' '}
      {pod && logs ? (
        <Link to="." search={(old) => withPanel(old, { ...panel, tab: 'logs' }, { pod })} className="text-link">
          {named}
        </Link>
      ) : (
        named
      )}
    </>
  );
  return (
    <span className="tree-line">
      {word ? (
        <WordMark word={word} size={13}>
          {label}
        </WordMark>
      ) : (
        <span>{label}</span>
      )}
      {text && (
        <Text span size="xs" c="dimmed" className="wrap">
          {text.startsWith('http') ? <Outside href={text}>{text}</Outside> : text}
        </Text>
      )}
    </span>
  );
}

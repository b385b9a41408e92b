import { Anchor, Radio, Text, Tooltip } from '@mantine/core';
import { useState } from 'react';
import type { Check } from '~/api/views';
import { linesOf, namedChecks } from '~/commits/commits';
import type { Act } from '~/domain/act';
import { Age } from '~/parts/Age';
import { Empty } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import type { Candidate } from './candidates';
import { useChecks } from './useChecks';

interface Props {
  act: Act;
  candidates: readonly Candidate[];
  candidate: Candidate | undefined;
  onChange: (act: Act) => void;
}

const FEW = 5;

/** Chooses the version: newest artifacts, or for a rollback what was there before. */
export function VersionPick({ act, candidates, candidate, onChange }: Props) {
  const [all, setAll] = useState(false);
  const place = candidate ? candidates.indexOf(candidate) : -1;
  const shown = all ? candidates : candidates.slice(0, Math.max(FEW, place + 1));
  const checks = useChecks(act.namespace, shown, candidate);
  if (candidates.length === 0) {
    return (
      <Empty>
        {act.kind === 'rollback'
          ? `${act.app} has no earlier release in ${act.environment} to go back to.`
          : `No artifact has a manifest for ${act.app}. CI makes one with gimlet artifact push.`}
      </Empty>
    );
  }
  const choose = (id: string) => {
    if (act.kind === 'rollback') onChange({ ...act, to: id });
    else if (act.kind !== 'adopt' && !id.startsWith('from ')) {
      const { namespace, app, environments } = act;
      onChange({ kind: 'release', namespace, app, environments, artifact: id });
    }
  };
  return (
    <Radio.Group label="Version" value={candidate?.id ?? ''} onChange={choose}>
      <div className="release-list">
        {shown.map(({ id, version, message, author, branch, time, runsIn, source }) => (
          <Radio
            key={id}
            value={id}
            size="xs"
            classNames={{ body: 'release-option', labelWrapper: 'release-option-label' }}
            label={
              <span className="release-version">
                <span className="mono">{version}</span>
                <span className="ellipsis">{source.promoteFrom ? `what ${runsIn[0]} runs` : message}</span>
                <Text span size="xs" c="dimmed" className="ellipsis">
                  {[author, branch, runsIn.length > 0 && `runs in ${runsIn.join(', ')}`].filter(Boolean).join(' · ')}
                </Text>
                <ChecksOf checks={checks.of.get(id)} />
                <Age time={time} />
              </span>
            }
          />
        ))}
      </div>
      {candidates.length > shown.length && (
        <Anchor component="button" type="button" size="xs" onClick={() => setAll(true)}>
          Show all {candidates.length}
        </Anchor>
      )}
      {checks.missing && (
        <Text size="xs" c="dimmed" className="wrap">
          Not all build statuses are known: {checks.missing}
        </Text>
      )}
    </Radio.Group>
  );
}

/** How CI judged a version, each check by its name; nothing where the host tells of none. */
function ChecksOf({ checks = [] }: { checks?: readonly Check[] }) {
  const sum = namedChecks(checks);
  if (!sum) return <span />;
  return (
    <Tooltip label={<span className="lines">{linesOf(checks)}</span>}>
      <span className="release-checks">
        <span className="visually-hidden">CI: {sum.word} </span>
        <WordMark word={sum.word} size={14}>
          <span className="ellipsis">{sum.text}</span>
        </WordMark>
      </span>
    </Tooltip>
  );
}

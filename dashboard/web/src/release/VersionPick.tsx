import { Anchor, Radio, Text } from '@mantine/core';
import { useState } from 'react';
import type { Act } from '~/domain/act';
import { Age } from '~/parts/Age';
import { Empty } from '~/parts/states';
import type { Candidate } from './candidates';

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
  if (candidates.length === 0) {
    return (
      <Empty>
        {act.kind === 'rollback'
          ? `${act.app} has no earlier release in ${act.environment} to go back to.`
          : `No artifact has a manifest for ${act.app}. CI makes one with gimlet artifact push.`}
      </Empty>
    );
  }
  const place = candidate ? candidates.indexOf(candidate) : -1;
  const shown = all ? candidates : candidates.slice(0, Math.max(FEW, place + 1));
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
    </Radio.Group>
  );
}

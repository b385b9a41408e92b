import { Checkbox, Text } from '@mantine/core';
import type { EnvironmentCard } from '~/api/server';
import type { Act } from '~/domain/act';
import { type Candidate, gatesOf, whyNot } from './candidates';

interface Props {
  act: Extract<Act, { kind: 'release' | 'promote' }>;
  cards: readonly EnvironmentCard[];
  candidate: Candidate | undefined;
  onChange: (act: Act) => void;
}

/** Chooses the environments, and says of each what will happen there. */
export function TargetPick({ act, cards, candidate, onChange }: Props) {
  const from = act.kind === 'promote' ? act.from : undefined;
  const names = cards.length ? cards.map(({ name }) => name) : act.environments;
  return (
    <Checkbox.Group
      mt="md"
      label="To"
      value={act.environments.filter((name) => !whyNot(candidate, name))}
      onChange={(environments) => onChange({ ...act, environments })}
    >
      <div className="release-list">
        {names
          .filter((name) => name !== from)
          .map((name) => {
            const card = cards.find((each) => each.name === name);
            const not = whyNot(candidate, name);
            const gates = card ? gatesOf(card, false) : [];
            const runs = candidate?.runsIn.includes(name);
            return (
              <Checkbox
                key={name}
                value={name}
                size="xs"
                disabled={Boolean(not)}
                classNames={{ body: 'release-option', labelWrapper: 'release-option-label' }}
                label={
                  <span className="release-target">
                    <span>{name}</span>
                    <Text span size="xs" c={not ? undefined : 'dimmed'}>
                      {not ??
                        [runs && 'runs this version', gates.length > 0 && `waits for: ${gates.join(', ')}`]
                          .filter(Boolean)
                          .join(' · ')}
                    </Text>
                  </span>
                }
              />
            );
          })}
      </div>
    </Checkbox.Group>
  );
}

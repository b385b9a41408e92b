import { Anchor, Text } from '@mantine/core';
import type { EnvironmentCard } from '~/api/server';
import { dayTime } from '~/domain/time';
import type { Word } from '~/domain/words';
import { WordIcon } from '~/parts/WordMark';
import type { Show } from './matrix';

const kinds: { show: Show; word: Word; text: (count: number) => string }[] = [
  { show: 'failing', word: 'Failed', text: (count) => `${count} failed` },
  { show: 'waiting', word: 'Waiting', text: (count) => `${count} waiting` },
  { show: 'drifted', word: 'Drifted', text: (count) => `${count} drifted` },
];

/** What needs a person, in one line; nothing where all is well. */
export function Attention({
  count,
  cards,
  onShow,
}: {
  count: Record<Show, number>;
  cards: readonly EnvironmentCard[];
  onShow: (show: Show) => void;
}) {
  const asked = kinds.filter(({ show }) => count[show] > 0);
  const closed = cards.filter(({ lock, suspended }) => lock || suspended);
  if (asked.length === 0 && closed.length === 0) return null;
  return (
    <section className="panel attention" aria-label="Needs attention">
      <Text size="sm" fw={600}>
        Needs attention
      </Text>
      {asked.map(({ show, word, text }) => (
        <Anchor key={show} component="button" type="button" size="sm" onClick={() => onShow(show)}>
          <WordIcon word={word} quiet /> {text(count[show])}
        </Anchor>
      ))}
      {closed.map(({ namespace, name, lock, suspended }) => (
        <Text key={`${namespace}/${name}`} size="sm" className="wrap">
          <WordIcon word="Waiting" quiet /> {name}{' '}
          {lock
            ? `locked: ${lock.reason}${lock.until ? `, until ${dayTime(lock.until)}` : ''}`
            : suspended && 'suspended'}
        </Text>
      ))}
    </section>
  );
}

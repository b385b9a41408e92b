import { IconLock } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { worse } from '~/domain/words';
import { WordIcon } from '~/parts/WordMark';
import type { Column } from './matrix';

/** The head of an environment's column: its name, and what is wrong with it. */
export function ColumnHead({ column: { name, cards } }: { column: Column }) {
  const [card] = cards;
  const word = cards.map(({ word }) => word).reduce(worse, 'Healthy');
  const lock = cards.find(({ lock }) => lock)?.lock;
  return (
    <span role="columnheader" tabIndex={-1} title={cards.find(({ text }) => text)?.text}>
      {card ? (
        <Link
          to="/environments/$namespace/$name"
          params={{ namespace: card.namespace, name }}
          search={({ ns }) => ({ ns })}
        >
          {name}
        </Link>
      ) : (
        name
      )}
      {word !== 'Healthy' && <WordIcon word={word} size={14} />}
      {lock && <IconLock size={14} role="img" aria-label={`locked: ${lock.reason}`} />}
    </span>
  );
}

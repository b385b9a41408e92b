import { IconEyeOff, IconLock } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { worse } from '~/domain/words';
import { Age } from '~/parts/Age';
import { WordIcon } from '~/parts/WordMark';
import { awayOf, type Column, isShut } from './matrix';

/** The head of an environment's column: its name, and what is wrong with it. */
export function ColumnHead({ column }: { column: Column }) {
  const { name, cards } = column;
  const [card] = cards;
  const word = cards.map(({ word }) => word).reduce(worse, 'Healthy');
  const lock = cards.find(({ lock }) => lock)?.lock;
  const away = awayOf(column);
  if (isShut(column)) {
    const why = `${name}: you may not list apps in ${cards.map(({ namespace }) => namespace).join(', ')}`;
    return (
      <span role="columnheader" tabIndex={-1} title={why} className="matrix-shut-head">
        <IconEyeOff size={14} role="img" aria-label={why} />
      </span>
    );
  }
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
      {away && (
        <small className="matrix-seen">
          {away.some && `${away.some} `}
          {away.seen ? (
            <>
              last seen <Age time={away.seen} ago />
            </>
          ) : (
            'never seen'
          )}
        </small>
      )}
    </span>
  );
}

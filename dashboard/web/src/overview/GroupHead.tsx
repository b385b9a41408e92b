import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { WordIcon } from '~/parts/WordMark';
import { type Group, type GroupLine, NO_GROUP, troublesOf } from './lines';

const without: Record<Group, string> = {
  namespace: 'without a namespace',
  repository: 'of no known repository',
  part: 'part of nothing',
};

interface Props {
  line: GroupLine;
  group: Group;
  index: number;
  start: number;
  width: number;
  /** Whether the keys act on it. */
  here: boolean;
  onSpot: () => void;
  onFold: () => void;
}

/** The head of a group of apps, which folds them. What is wrong among them it says in any case. */
export function GroupHead({ line, group, index, start, width, here, onSpot, onFold }: Props) {
  const { name, rows, folded } = line;
  const Chevron = folded ? IconChevronRight : IconChevronDown;
  return (
    <div
      role="row"
      tabIndex={-1}
      aria-rowindex={index + 2}
      className="matrix-group"
      style={{ transform: `translateY(${start}px)` }}
    >
      <span role="rowheader" tabIndex={-1} aria-colspan={width}>
        <button
          type="button"
          aria-expanded={!folded}
          data-spot={`${index}.group`}
          tabIndex={here ? 0 : -1}
          onFocus={onSpot}
          onClick={onFold}
        >
          <Chevron size={15} aria-hidden />
          <strong className="ellipsis">{name === NO_GROUP ? without[group] : name}</strong>
          <small>{rows.length === 1 ? '1 app' : `${rows.length} apps`}</small>
          {troublesOf(rows).map(([word, count]) => (
            <span key={word} className="matrix-group-word">
              <WordIcon word={word} size={14} /> {count}
            </span>
          ))}
        </button>
      </span>
    </div>
  );
}

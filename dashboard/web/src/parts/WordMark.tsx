import {
  IconAlertTriangle,
  IconCircleCheckFilled,
  IconCircleXFilled,
  IconHelpCircle,
  IconMinus,
  IconPlayerPauseFilled,
  IconProgress,
} from '@tabler/icons-react';
import type { Word } from '~/domain/words';
import './word.css';

const icons = {
  Healthy: IconCircleCheckFilled,
  Progressing: IconProgress,
  Waiting: IconPlayerPauseFilled,
  Failed: IconCircleXFilled,
  Drifted: IconAlertTriangle,
  Ended: IconMinus,
  Unknown: IconHelpCircle,
} satisfies Record<Word, unknown>;

/** The sign of a word: shape and colour. Alone it says its word to a screen reader. */
export function WordIcon({ word, size = 16, quiet }: { word: Word; size?: number; quiet?: boolean }) {
  const Icon = icons[word];
  return (
    <Icon
      size={size}
      className="word-icon"
      data-word={word}
      role={quiet ? undefined : 'img'}
      aria-label={quiet ? undefined : word}
      aria-hidden={quiet}
    />
  );
}

/** A word with its sign. */
export function WordMark({ word, children, size }: { word: Word; children?: React.ReactNode; size?: number }) {
  return (
    <span className="word-mark" data-word={word}>
      <WordIcon word={word} size={size} quiet />
      {children ?? word}
    </span>
  );
}

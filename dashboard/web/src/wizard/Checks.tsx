import { WordMark } from '~/parts/WordMark';
import type { Check } from './progress';
import './wizard.css';

/** Links of a chain, with what is known of each; it is said again when it changes. */
export function Checks({ label, checks }: { label: string; checks: readonly Check[] }) {
  return (
    <ul className="wizard-lines" aria-label={label} aria-live="polite">
      {checks.map(({ name, word, text }) => (
        <li key={name}>
          <WordMark word={word} size={15}>
            {name}
          </WordMark>
          <div className="wrap">{text}</div>
        </li>
      ))}
    </ul>
  );
}

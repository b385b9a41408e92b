import { usePreferences } from '~/domain/preferences';
import { useListedKeys } from '~/parts/keys';

/** The keys that do something now. */
export function KeyBar() {
  const keys = useListedKeys();
  const { singleKeys } = usePreferences();
  if (!singleKeys) return <div className="key-bar">Single keys are off (Settings). Ctrl K opens the palette.</div>;
  const shown = keys.filter(({ key }) => !key.startsWith('g ') && key !== '?');
  return (
    <div className="key-bar">
      {/* What does not fit is in a row of its own that is not seen: no key is cut, and ? lists all. */}
      <div className="key-bar-page">
        {shown.map(({ key, label }) => (
          <span key={key}>
            <kbd>{keyText(key)}</kbd> {label}
          </span>
        ))}
      </div>
      <span>
        <kbd>?</kbd> all keys
      </span>
      <span>
        <kbd>Ctrl K</kbd> palette
      </span>
    </div>
  );
}

const names: Record<string, string> = {
  Enter: '↵',
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
  Escape: 'Esc',
  ' ': 'Space',
};

const isMac = /Mac|iP/.test(navigator.platform);
const modifiers: Record<string, string> = isMac ? { Alt: '⌥', Mod: '⌘' } : { Alt: 'Alt ', Mod: 'Ctrl ' };

/** Writes a key as it is printed on keyboards. */
export function keyText(key: string): string {
  const [modifier = '', plain] = key.split('+');
  return plain ? `${modifiers[modifier] ?? modifier}${names[plain] ?? plain}` : (names[key] ?? key);
}

import { Checkbox, Text } from '@mantine/core';
import { expectedText } from './expected';

interface Props {
  expected: boolean;
  onChange: (expected: boolean) => void;
  /** What is released now, of each that a release goes to; nothing where nothing is. */
  bases: readonly (string | undefined)[];
}

/** Whether releases go only on top of what was looked at; and what becomes of them when newer ones arrive. */
export function ExpectedBase({ expected, onChange, bases }: Props) {
  const text = expectedText(bases);
  return (
    <div className="release-base">
      {text && (
        <Checkbox
          size="xs"
          checked={expected}
          onChange={(event) => onChange(event.currentTarget.checked)}
          label={text}
          description="Else it is rejected: somebody released meanwhile."
        />
      )}
      <Text size="xs" c="dimmed">
        A newer release of the app supersedes it, as long as it is not healthy.
      </Text>
    </div>
  );
}

import { Text } from '@mantine/core';
import type { Condition } from '~/api/kinds';
import { wordOfCondition } from '~/domain/words';
import { Age } from './Age';
import { WordIcon } from './WordMark';

/** The conditions of an object, as it has them. */
export function Conditions({ conditions = [] }: { conditions: Condition[] | undefined }) {
  return (
    <>
      <Text size="xs" fw={600} c="dimmed" mt="md" mb={4}>
        Conditions
      </Text>
      <ul className="conditions">
        {conditions.map(({ type, status, reason, message, lastTransitionTime }) => (
          <li key={type}>
            <WordIcon word={wordOfCondition(status)} size={15} />
            <span>
              <strong>{type}</strong> {reason} <Age time={lastTransitionTime} />
              <div className="wrap">{message}</div>
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

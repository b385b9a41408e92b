import { Text } from '@mantine/core';
import { useRight } from '~/api/rights';
import type { RightQuestion } from '~/api/server';
import { WordMark } from './WordMark';

/** A row that says whether the caller may do something, and what is missing. */
export function RightLine({ text, question }: { text: string; question: RightQuestion }) {
  const right = useRight(question);
  return (
    <tr>
      <td>{text}</td>
      <td>
        <WordMark word={right.allowed ? 'Healthy' : 'Ended'} size={15}>
          {right.allowed ? 'yes' : 'no'}
        </WordMark>
        {!right.allowed && (
          <Text size="xs" c="dimmed" className="wrap">
            {right.text}
          </Text>
        )}
      </td>
    </tr>
  );
}

import { Button } from '@mantine/core';
import { Empty } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { type Fault, lineOf } from './manifestText';

interface Props {
  text: string;
  problems: Fault[];
  onGo: (at: number) => void;
}

/** What is wrong in a text, each with the line that it leads to. */
export function Problems({ text, problems, onGo }: Props) {
  if (problems.length === 0) return <Empty>No problem is known.</Empty>;
  return (
    <ul className="schema-problems">
      {problems.map(({ message, from, warning }) => (
        <li key={`${from} ${message}`}>
          <WordMark word={warning ? 'Drifted' : 'Failed'} size={14}>
            {warning ? 'warning' : 'error'}
          </WordMark>
          <Button size="compact-xs" variant="default" onClick={() => onGo(from)}>
            line {lineOf(text, from)}
          </Button>
          <span className="wrap">{message}</span>
        </li>
      ))}
    </ul>
  );
}

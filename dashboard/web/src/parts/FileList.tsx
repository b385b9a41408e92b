import { Text } from '@mantine/core';
import { TextBlock } from './CopyAs';
import './files.css';

/** With more lines than this together, files are closed at first. */
const LONG = 300;

const linesIn = (text: string) => text.trimEnd().split('\n').length;

/** Files with their text; each can be closed. */
export function FileList({ files }: { files: readonly { name: string; content: string }[] }) {
  const long = files.reduce((sum, { content }) => sum + linesIn(content), 0) > LONG;
  return files.map(({ name, content }) => (
    <details key={name} className="file" open={!long}>
      <summary>
        <span className="mono">{name}</span>
        <Text span size="xs" c="dimmed">
          {linesIn(content)} {linesIn(content) === 1 ? 'line' : 'lines'}
        </Text>
      </summary>
      <TextBlock label={name} text={content} />
    </details>
  ));
}

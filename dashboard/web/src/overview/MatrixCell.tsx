import type { Cell } from '~/api/server';
import { Age } from '~/parts/Age';
import { WordIcon } from '~/parts/WordMark';

/** One app in one environment: the version first, then what a person should know. */
export function MatrixCell({ cell, environment }: { cell: Cell; environment: string }) {
  const { word, text, version, message, author, time, behind, waitingFor } = cell;
  const trouble = word === 'Healthy' || word === 'Ended' ? undefined : (waitingFor ?? text ?? word);
  const told = trouble ?? [message && `“${message.split('\n')[0]}”`, author].filter(Boolean).join(' ');
  return (
    <>
      <span className="matrix-line">
        <span className="matrix-env">{environment}</span>
        <WordIcon word={word} />
        <span className="mono ellipsis">{version ?? '—'}</span>
        <Age time={time} />
      </span>
      <span className="matrix-told" data-word={trouble ? word : undefined} title={told}>
        <span className="ellipsis">{told}</span>
        {!trouble && behind ? <span className="matrix-behind">{behind} behind</span> : null}
      </span>
    </>
  );
}

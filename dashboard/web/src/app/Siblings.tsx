import { Link } from '@tanstack/react-router';
import type { Row } from '~/api/server';
import type { Column } from '~/overview/matrix';
import { WordIcon } from '~/parts/WordMark';

interface Props {
  columns: readonly Column[];
  row: Row | undefined;
  namespace: string;
  app: string;
  environment: string;
}

/** The environments of the app, each with its state and version. */
export function Siblings({ columns, row, namespace, app, environment }: Props) {
  const names = columns.map(({ name }) => name);
  const shown = names.includes(environment) ? names : [...names, environment];
  return (
    <nav className="siblings" aria-label="Environments of the app">
      {shown.map((name) => {
        const cell = row?.cells[name];
        return (
          <Link
            key={name}
            to="/apps/$namespace/$app/$environment"
            params={{ namespace, app, environment: name }}
            search={({ ns }) => ({ ns })}
            aria-current={name === environment ? 'page' : undefined}
          >
            <WordIcon word={cell?.word ?? 'Ended'} size={15} />
            <strong>{name}</strong>
            <span className="mono">{cell?.version ?? '–'}</span>
          </Link>
        );
      })}
    </nav>
  );
}

import { Failure, Loading } from '~/parts/states';

interface Props {
  title: string;
  heads: string[];
  pending: boolean;
  error: unknown;
  again: () => void;
  /** What stands there where there are no rows. */
  empty: React.ReactNode;
  rows: React.ReactNode[];
  note?: React.ReactNode;
}

/** A panel with what Gimlet is connected with. */
export function Table({ title, heads, pending, error, again, empty, rows, note }: Props) {
  return (
    <section className="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
      </header>
      {pending && <Loading lines={3} />}
      {error ? <Failure error={error} again={again} kept={rows.length > 0} /> : null}
      {!pending && !error && rows.length === 0 && empty}
      {rows.length > 0 && (
        <div className="scroll-x">
          <table className={`data ${error ? 'stale' : ''}`}>
            <thead>
              <tr>
                {heads.map((head) => (
                  <th key={head}>{head}</th>
                ))}
              </tr>
            </thead>
            <tbody>{rows}</tbody>
          </table>
        </div>
      )}
      {rows.length > 0 && note}
    </section>
  );
}

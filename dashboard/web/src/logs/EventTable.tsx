import type { EventLine } from '~/api/agents';
import { Age } from '~/parts/Age';
import { WordIcon } from '~/parts/WordMark';

/** Events as they are given, one a line. */
export function EventTable({ events }: { events: readonly EventLine[] }) {
  return (
    <table className="data">
      <thead>
        <tr>
          <th>Event</th>
          <th>About</th>
          <th>Age</th>
          <th>Times</th>
        </tr>
      </thead>
      <tbody>
        {events.map(({ time, warning, reason, object, message, count }) => (
          <tr key={`${time} ${object} ${reason} ${message}`}>
            <td className="wrap">
              <span className="word-mark" data-word={warning ? 'Drifted' : 'Ended'}>
                {warning && <WordIcon word="Drifted" size={14} quiet />}
                <strong>{reason}</strong>
                {warning && <span className="visually-hidden">, a warning</span>}
              </span>
              <div>{message}</div>
            </td>
            <td className="mono wrap">{object}</td>
            <td>
              <Age time={time} />
            </td>
            <td>{count}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

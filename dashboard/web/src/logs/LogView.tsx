import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useLayoutEffect, useMemo, useRef } from 'react';
import { absolute } from '~/domain/time';
import type { Entry, LogBuffer } from './buffer';
import type { Filter } from './filter';
import { lineTime, saidBy } from './line';

/** Lines that are drawn while a log is followed. */
const SHOWN = 200;
const HEIGHT = 19;
/** Who is so far from the end reads something, and is not to be moved. */
const FAR = 40;

interface Props {
  buffer: LogBuffer;
  /** What was held when it was paused. */
  frozen: readonly Entry[] | undefined;
  filter: Filter;
  wrapped: boolean;
  app: string;
  /** Whether containers have to be told apart. */
  named: boolean;
  onPause: () => void;
}

/**
 * Draws a log. While it is followed, its last lines stand there plainly and the end is kept in sight; paused, all that
 * was held can be scrolled, of which only what is in sight is drawn.
 */
export function LogView(props: Props) {
  const { frozen, buffer, filter, wrapped, app, named, onPause } = props;
  const place = useRef<HTMLDivElement>(null);
  const scrolled = () => {
    const { current } = place;
    if (frozen || !current) return;
    if (current.scrollHeight - current.scrollTop - current.clientHeight > FAR) onPause();
  };
  const rows = { app, named };
  // After each drawing: here, and not in what is drawn, for only here the place is known the first time.
  useLayoutEffect(() => {
    const { current } = place;
    if (!frozen && current) current.scrollTop = current.scrollHeight;
  });
  return (
    <section
      className="logs-lines"
      data-wrap={wrapped || undefined}
      ref={place}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by the keyboard
      tabIndex={0}
      aria-label="Lines"
      onScroll={scrolled}
    >
      {frozen ? (
        <Frozen entries={frozen} filter={filter} place={place} wrapped={wrapped} {...rows} />
      ) : (
        <Last entries={buffer.last(SHOWN, filter.keeps)} {...rows} />
      )}
    </section>
  );
}

interface Rows {
  place: React.RefObject<HTMLDivElement | null>;
  app: string;
  named: boolean;
}

function Last({ entries, app, named }: Omit<Rows, 'place'> & { entries: readonly Entry[] }) {
  if (entries.length === 0) return <NoMatch />;
  return entries.map((entry) => <Row key={entry.id} entry={entry} app={app} named={named} />);
}

function Frozen({
  entries,
  filter,
  place,
  wrapped,
  app,
  named,
}: Rows & { entries: readonly Entry[]; filter: Filter; wrapped: boolean }) {
  const wanted = useMemo(
    () => entries.filter((entry) => entry.kind !== 'line' || filter.keeps(entry.text)),
    [entries, filter],
  );
  const virtual = useVirtualizer({
    count: wanted.length,
    getScrollElement: () => place.current,
    estimateSize: () => HEIGHT,
    overscan: 30,
    getItemKey: (index) => wanted[index]?.id ?? index,
  });
  const first = useRef(place.current ? place.current.scrollHeight - place.current.scrollTop : 0);
  useLayoutEffect(() => {
    const { current } = place;
    // Where the reader was when the view changed, counted from the end.
    if (current) current.scrollTop = current.scrollHeight - first.current;
  }, [place]);
  if (wanted.length === 0) return <NoMatch />;
  return (
    <div className="logs-all" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map(({ index, key, start }) => {
        const entry = wanted[index];
        return (
          entry && (
            <div
              key={key}
              data-index={index}
              ref={wrapped ? virtual.measureElement : undefined}
              className="logs-at"
              style={{ transform: `translateY(${start}px)` }}
            >
              <Row entry={entry} app={app} named={named} />
            </div>
          )
        );
      })}
    </div>
  );
}

const NoMatch = () => <p className="logs-none">No line fits the filter.</p>;

const Row = memo(function Row({ entry, app, named }: { entry: Entry; app: string; named: boolean }) {
  if (entry.kind !== 'line') {
    return (
      <div className="logs-mark" data-kind={entry.kind}>
        <span>{entry.text}</span>
      </div>
    );
  }
  const { time, pod, container, text, level, count } = entry;
  const { main, rest } = saidBy(text);
  const short = pod.startsWith(`${app}-`) ? pod.slice(app.length + 1) : pod;
  return (
    <div className="logs-line" data-level={level}>
      <time dateTime={time} title={absolute(time)}>
        {lineTime(time)}
      </time>
      <span className="logs-pod" title={`${pod} ${container}`}>
        {named ? `${short} ${container}` : short}
      </span>
      <span className="logs-text">
        {main}
        {rest && <span className="logs-rest"> {rest}</span>}
      </span>
      {count > 1 && <span className="logs-count">×{count}</span>}
    </div>
  );
});

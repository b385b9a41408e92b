import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useCallback, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { absolute, exactTime } from '~/domain/time';
import type { Again, Entry, LogBuffer } from './buffer';
import { saidBy } from './line';

/** Lines that are drawn while a log is followed. */
const SHOWN = 200;
const HEIGHT = 19;
/** Who is so far from the end reads something, and is not to be moved. */
const FAR = 40;

interface Props {
  buffer: LogBuffer;
  /** What was held when it was paused. */
  frozen: readonly Entry[] | undefined;
  wanted: (entry: Entry) => boolean;
  wrapped: boolean;
  /** Whether what is folded into lines is shown. */
  unfolded: boolean;
  app: string;
  /** Whether containers have to be told apart. */
  named: boolean;
  onPause: () => void;
  /** Shows the lines of the container that ran before one. */
  onPrevious: (of: Again) => void;
}

/**
 * Draws a log. While it is followed, its last lines stand there plainly and the end is kept in sight; paused, all that
 * was held can be scrolled, of which only what is in sight is drawn.
 */
export function LogView(props: Props) {
  const { frozen, buffer, wanted, wrapped, unfolded, app, named, onPause, onPrevious } = props;
  const place = useRef<HTMLDivElement>(null);
  const scrolled = () => {
    const { current } = place;
    if (frozen || !current) return;
    if (current.scrollHeight - current.scrollTop - current.clientHeight > FAR) onPause();
  };
  // Lines that are not as all others are: unfolded where the others are folded, or the other way round.
  const [odd, setOdd] = useState<{ unfolded: boolean; ids: ReadonlySet<number> }>({ unfolded, ids: new Set() });
  if (odd.unfolded !== unfolded) setOdd({ unfolded, ids: new Set() });
  const flip = useCallback((id: number) => {
    setOdd(({ unfolded, ids }) => {
      const next = new Set(ids);
      if (!next.delete(id)) next.add(id);
      return { unfolded, ids: next };
    });
  }, []);
  const isOpen = (id: number) => odd.ids.has(id) !== unfolded;
  const rows = { app, named, isOpen, flip, onPrevious };
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
        <Frozen entries={frozen} wanted={wanted} unfolded={unfolded} wrapped={wrapped} place={place} {...rows} />
      ) : (
        <Last entries={buffer.last(SHOWN, wanted)} {...rows} />
      )}
    </section>
  );
}

interface Rows {
  place: React.RefObject<HTMLDivElement | null>;
  app: string;
  named: boolean;
  isOpen: (id: number) => boolean;
  flip: (id: number) => void;
  onPrevious: (of: Again) => void;
}

function Last({ entries, isOpen, ...rows }: Omit<Rows, 'place'> & { entries: readonly Entry[] }) {
  return (
    <>
      {!entries.some(isLine) && <NoMatch />}
      {entries.map((entry) => (
        <Row key={entry.id} entry={entry} open={isOpen(entry.id)} {...rows} />
      ))}
    </>
  );
}

function Frozen({
  entries,
  wanted,
  place,
  isOpen,
  unfolded,
  wrapped,
  ...rows
}: Rows & Pick<Props, 'wanted' | 'unfolded' | 'wrapped'> & { entries: readonly Entry[] }) {
  const shown = useMemo(() => entries.filter(wanted), [entries, wanted]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => place.current,
    estimateSize: (index) => {
      const entry = shown[index];
      return entry?.kind === 'line' && entry.more && isOpen(entry.id) ? HEIGHT * (1 + entry.more.length) : HEIGHT;
    },
    overscan: 30,
    getItemKey: (index) => shown[index]?.id ?? index,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was not drawn yet is as high as it will be
  useLayoutEffect(() => {
    if (!wrapped) virtual.measure();
  }, [unfolded]);
  const first = useRef(place.current ? place.current.scrollHeight - place.current.scrollTop : 0);
  useLayoutEffect(() => {
    const { current } = place;
    // Where the reader was when the view changed, counted from the end.
    if (current) current.scrollTop = current.scrollHeight - first.current;
  }, [place]);
  if (!shown.some(isLine)) return <Last entries={shown.slice(-SHOWN)} isOpen={isOpen} {...rows} />;
  return (
    <div className="logs-all" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map(({ index, key, start }) => {
        const entry = shown[index];
        return (
          entry && (
            <div
              key={key}
              data-index={index}
              ref={virtual.measureElement}
              className="logs-at"
              style={{ transform: `translateY(${start}px)` }}
            >
              <Row entry={entry} open={isOpen(entry.id)} {...rows} />
            </div>
          )
        );
      })}
    </div>
  );
}

const isLine = ({ kind }: Entry) => kind === 'line';

const NoMatch = () => <p className="logs-none">No line fits the filter.</p>;

interface RowProps {
  entry: Entry;
  app: string;
  named: boolean;
  open: boolean;
  flip: (id: number) => void;
  onPrevious: (of: Again) => void;
}

const Row = memo(function Row({ entry, app, named, open, flip, onPrevious }: RowProps) {
  if (entry.kind === 'event') {
    return (
      <div className="logs-event" data-warning={entry.warning || undefined}>
        <time dateTime={entry.time} title={absolute(entry.time)}>
          {exactTime(entry.time)}
        </time>
        <span className="logs-pod">{entry.warning ? 'warning' : 'event'}</span>
        <span className="logs-text">{entry.text}</span>
      </div>
    );
  }
  if (entry.kind !== 'line') {
    const { kind, time, text, again } = entry;
    return (
      <div className="logs-mark" data-kind={kind}>
        {again && (
          <time dateTime={time} title={absolute(time)}>
            {exactTime(time)}
          </time>
        )}
        <span>{text}</span>
        {again && (
          <button
            type="button"
            className="logs-fold"
            aria-label={`previous container of ${again.pod}, ${again.container}`}
            onClick={() => onPrevious(again)}
          >
            previous container ▸
          </button>
        )}
      </div>
    );
  }
  const { id, time, pod, container, text, level, count, more } = entry;
  const { main, rest } = saidBy(text);
  const short = pod.startsWith(`${app}-`) ? pod.slice(app.length + 1) : pod;
  return (
    <>
      <div className="logs-line" data-level={level}>
        <time dateTime={time} title={absolute(time)}>
          {exactTime(time)}
        </time>
        <span className="logs-pod" title={`${pod} ${container}`}>
          {named ? `${short} ${container}` : short}
        </span>
        <span className="logs-text">
          {main}
          {rest && <span className="logs-rest"> {rest}</span>}
          {count > 1 && <span className="logs-count">×{count}</span>}
          {more && (
            <button type="button" className="logs-fold" aria-expanded={open} onClick={() => flip(id)}>
              {open ? '▾' : '▸'} {more.length} {more.length === 1 ? 'line' : 'lines'} more
            </button>
          )}
        </span>
      </div>
      {more && open && (
        <div className="logs-more" data-level={level}>
          {more.join('\n')}
        </div>
      )}
    </>
  );
});

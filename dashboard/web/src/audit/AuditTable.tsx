import { Drawer, Text, UnstyledButton } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { stringify } from 'yaml';
import { openOutside } from '~/domain/links';
import { absolute } from '~/domain/time';
import { Age } from '~/parts/Age';
import { TextBlock } from '~/parts/CopyAs';
import { useKeys } from '~/parts/keys';
import { Sha } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { actionOfEntry, type LogEntry } from './log';
import { signatureOf } from './signature';
import { Verify } from './Verify';
import './audit.css';

interface Props {
  entries: readonly LogEntry[];
  /** Where the commit of an entry is at its host, as far as that is known. */
  linkOf: (entry: LogEntry) => string | undefined;
  /** The folder of an entry's environment in the repository. */
  pathOf: (entry: LogEntry) => string | undefined;
}

/** The entries of the log. `j` and `k` move, `Enter` opens the release. */
export function AuditTable({ entries, linkOf, pathOf }: Props) {
  const navigate = useNavigate();
  const body = useRef<HTMLTableSectionElement>(null);
  const [at, setAt] = useState(0);
  // The record itself: new ones move the others.
  const [shown, show] = useState<LogEntry>();
  const [verified, verify] = useState<LogEntry>();
  const current = Math.min(at, entries.length - 1);
  const move = (by: number) => {
    const next = Math.max(0, Math.min(entries.length - 1, current + by));
    setAt(next);
    body.current?.rows[next]?.scrollIntoView({ block: 'nearest' });
  };
  useKeys([
    { key: 'j', label: 'down', run: () => move(1) },
    { key: 'k', label: 'up', run: () => move(-1) },
    {
      key: 'Enter',
      label: 'open',
      run: () => {
        const entry = entries[current];
        if (!entry?.release) return;
        void navigate({
          to: '/releases/$namespace/$name',
          params: { namespace: entry.namespace, name: entry.release },
        });
      },
    },
    {
      key: 'o',
      label: 'commit at its host',
      run: () => {
        const entry = entries[current];
        openOutside(entry && linkOf(entry));
      },
    },
    { key: 'y', label: 'record as YAML', run: () => show(entries[current]) },
    {
      key: 'v',
      label: 'verify',
      run: () => {
        const entry = entries[current];
        if (entry && !entry.denied) verify(entry);
      },
    },
  ]);
  return (
    <section className="panel scroll-x" aria-label="Entries">
      <table className="data">
        <thead>
          <tr>
            <th>Age</th>
            <th>Who</th>
            <th>Action</th>
            <th>App</th>
            <th>Environment</th>
            <th>Version</th>
            <th>Why</th>
            <th>Commit</th>
            <th>Signed</th>
          </tr>
        </thead>
        <tbody ref={body}>
          {entries.map((entry, index) => (
            <Line
              key={`${entry.environment} ${entry.commit}`}
              entry={entry}
              current={index === current}
              href={linkOf(entry)}
              onVerify={() => verify(entry)}
            />
          ))}
        </tbody>
      </table>
      <Drawer opened={shown !== undefined} onClose={() => show(undefined)} position="right" size={560} title="Record">
        {shown && <TextBlock label="Record" text={stringify(shown.denied ? { ...shown, commit: undefined } : shown)} />}
      </Drawer>
      <Verify entry={verified} path={verified && pathOf(verified)} close={() => verify(undefined)} />
    </section>
  );
}

interface LineProps {
  entry: LogEntry;
  current: boolean;
  href: string | undefined;
  onVerify: () => void;
}

function Line({ entry, current, href, onVerify }: LineProps) {
  const { namespace, environment, app, time, requestedBy, version, reason, release, commit, subject, action, denied } =
    entry;
  const signed = signatureOf(entry);
  return (
    <tr data-current={current}>
      <td title={absolute(time)}>
        <Age time={time} />
      </td>
      <td className="wrap">{requestedBy ?? '—'}</td>
      <td>
        {denied ? (
          <WordMark word="Failed" size={14}>
            denied
          </WordMark>
        ) : action && release ? (
          <Link
            to="/releases/$namespace/$name"
            params={{ namespace, name: release }}
            title={`Release ${release}`}
            className="text-link"
          >
            {actionOfEntry(entry)}
          </Link>
        ) : action ? (
          actionOfEntry(entry)
        ) : (
          <WordMark word="Drifted" size={14}>
            by hand
          </WordMark>
        )}
      </td>
      <td>
        {app && environment ? (
          <Link to="/apps/$namespace/$app/$environment" params={{ namespace, app, environment }} className="text-link">
            {app}
          </Link>
        ) : (
          (app ?? '—')
        )}
      </td>
      <td>{environment || '—'}</td>
      <td className="mono">{version ?? '—'}</td>
      <td className="wrap why">
        {denied ? (
          <Text inherit>
            {subject}: {reason}
          </Text>
        ) : reason ? (
          `“${reason}”`
        ) : (
          !action && <Text inherit>{subject}</Text>
        )}
      </td>
      <td>{denied ? '—' : <Sha id={commit} href={href} />}</td>
      <td>
        {denied ? (
          '—'
        ) : (
          <UnstyledButton className="signed" title={signed.why} onClick={onVerify}>
            <WordMark word={signed.word} size={14}>
              {signed.text}
            </WordMark>
          </UnstyledButton>
        )}
      </td>
    </tr>
  );
}

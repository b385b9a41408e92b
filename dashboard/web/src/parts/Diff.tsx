import { ActionIcon, Alert, Button, Checkbox, Group, SegmentedControl, Text, Tooltip } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { Fragment, memo, useMemo, useRef, useState } from 'react';
import type { Difference, FileChange, ObjectChange } from '~/api/views';
import { type DiffLine, type Hunk, hunksOf, isNoise, pairsOf, sumOf } from '~/domain/diff';
import { prefer, usePreferences } from '~/domain/preferences';
import { useKeys } from './keys';
import './diff.css';

const signs = { Added: '+', Changed: '~', Removed: '−' } as const;

/** Files with more lines than this are closed at first. */
const LONG = 400;

/** What differs: a sum, the objects, then each file with its lines. */
export function Diff({ difference, keys }: { difference: Difference; keys?: boolean }) {
  const { splitDiff } = usePreferences();
  const [quiet, setQuiet] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const files = useMemo(
    () => difference.files.map((file) => ({ file, hunks: hunksOf(file.diff) })),
    [difference.files],
  );
  const shown = quiet ? files.filter(({ hunks }) => !isNoise(hunks)) : files;

  const step = (by: 1 | -1) => {
    const heads = [...(place.current?.querySelectorAll<HTMLElement>('.diff-file > header') ?? [])];
    const current = heads.findIndex((head) => head.contains(document.activeElement));
    const next = heads[Math.max(0, Math.min(heads.length - 1, current + by))];
    next?.querySelector<HTMLElement>('button')?.focus();
    next?.scrollIntoView({ block: 'nearest' });
  };
  useKeys(
    keys
      ? [
          { key: 'n', label: 'next change', run: () => step(1) },
          { key: 'p', label: 'previous change', run: () => step(-1) },
        ]
      : [],
  );

  return (
    <div className="diff" ref={place}>
      <Group justify="space-between" mb="xs" gap="xs">
        <Text size="sm" fw={600}>
          {sumOf(difference)}
        </Text>
        {difference.files.length > 0 && (
          <Group gap="md">
            <Checkbox
              size="xs"
              label="hide labels and checksums"
              checked={quiet}
              onChange={(event) => setQuiet(event.currentTarget.checked)}
            />
            <SegmentedControl
              size="xs"
              aria-label="Form of the difference"
              value={splitDiff ? 'split' : 'unified'}
              onChange={(value) => prefer({ splitDiff: value === 'split' })}
              data={['unified', 'split']}
            />
          </Group>
        )}
      </Group>
      {difference.warnings.map((warning) => (
        <Alert key={warning} color="yellow" variant="light" p="xs" mb="xs">
          <Text size="sm">{warning}</Text>
        </Alert>
      ))}
      <ObjectList objects={difference.objects} />
      {shown.map(({ file, hunks }) => (
        <FileDiff key={file.name} file={file} hunks={hunks} split={splitDiff} />
      ))}
      {files.length > shown.length && (
        <Text size="xs" c="dimmed">
          {files.length - shown.length} files with nothing but labels and checksums are hidden.
        </Text>
      )}
      {difference.cut && (
        <Text size="sm" c="dimmed">
          The difference is larger than what is shown here. The commit has all of it.
        </Text>
      )}
    </div>
  );
}

function ObjectList({ objects }: { objects: readonly ObjectChange[] }) {
  if (objects.length === 0) return null;
  return (
    <ul className="diff-objects">
      {objects.map(({ change, kind, name, namespace }) => (
        <li key={`${kind}/${namespace}/${name}`} data-change={change}>
          <span aria-hidden>{signs[change]}</span>
          <span className="visually-hidden">{change}</span> {kind}/{name}
        </li>
      ))}
    </ul>
  );
}

const FileDiff = memo(function FileDiff({ file, hunks, split }: { file: FileChange; hunks: Hunk[]; split: boolean }) {
  const lines = hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0);
  const [open, setOpen] = useState(lines <= LONG);
  const Chevron = open ? IconChevronDown : IconChevronRight;
  return (
    <section className="diff-file" aria-label={file.name}>
      <header>
        <Tooltip label={open ? 'Close' : 'Open'}>
          <ActionIcon
            size="sm"
            variant="subtle"
            color="gray"
            aria-expanded={open}
            aria-label={file.name}
            onClick={() => setOpen(!open)}
          >
            <Chevron size={15} />
          </ActionIcon>
        </Tooltip>
        <span className="mono">{file.name}</span>
        <span data-change={file.change} className="diff-change">
          {file.change.toLowerCase()}
        </span>
      </header>
      {open ? (
        <div className="scroll-x">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the focus, for people without a pointer */}
          <table className="diff-lines" tabIndex={0} aria-label={`Changes of ${file.name}`}>
            <tbody>
              {hunks.map((hunk) => (
                <Fragment key={hunk.header}>
                  <tr className="diff-hunk">
                    <td colSpan={split ? 4 : 3}>{hunk.header}</td>
                  </tr>
                  {split ? <SplitLines lines={hunk.lines} /> : <UnifiedLines lines={hunk.lines} />}
                </Fragment>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        lines > LONG && (
          <Button size="compact-xs" variant="subtle" m="xs" onClick={() => setOpen(true)}>
            Show {lines} lines
          </Button>
        )
      )}
    </section>
  );
});

const marks = { added: '+', removed: '−', same: ' ' } as const;
const keyOf = ({ kind, before, after }: DiffLine) => `${kind} ${before ?? ''} ${after ?? ''}`;

function UnifiedLines({ lines }: { lines: DiffLine[] }) {
  return lines.map((line) => (
    <tr key={keyOf(line)} data-kind={line.kind}>
      <td className="diff-number">{line.before}</td>
      <td className="diff-number">{line.after}</td>
      <td className="diff-text">
        {marks[line.kind]} {line.text}
      </td>
    </tr>
  ));
}

function SplitLines({ lines }: { lines: DiffLine[] }) {
  return pairsOf(lines).map(({ left, right }) => (
    <tr key={`${left ? keyOf(left) : ''}|${right ? keyOf(right) : ''}`} className="diff-pair">
      <td className="diff-number">{left?.before}</td>
      <td className="diff-text" data-kind={left?.kind}>
        {left?.text}
      </td>
      <td className="diff-number">{right?.after}</td>
      <td className="diff-text" data-kind={right?.kind}>
        {right?.text}
      </td>
    </tr>
  ));
}

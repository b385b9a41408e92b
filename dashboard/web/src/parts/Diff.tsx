import { ActionIcon, Alert, Button, Checkbox, Group, SegmentedControl, Text, Tooltip } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Fragment, memo, useMemo, useRef, useState } from 'react';
import type { Difference, FileChange, ObjectChange } from '~/api/views';
import { byObject, type DiffLine, type Hunk, hunksOf, isNoise, pairsOf, sumOf } from '~/domain/diff';
import { prefer, usePreferences } from '~/domain/preferences';
import { useKeys } from './keys';
import './diff.css';

const signs = { Added: '+', Changed: '~', Removed: '−' } as const;

/** Files with more lines than this are closed at first. */
const LONG = 400;

interface Props {
  difference: Difference;
  keys?: boolean;
  /** Folder of the files in git, where it is known. */
  folder?: string;
}

/** What differs: a sum, then each object with its lines, or each file as git has it. The form is in the URL. */
export function Diff({ difference, keys, folder }: Props) {
  const { splitDiff } = usePreferences();
  const { diff: form } = useSearch({ strict: false });
  const navigate = useNavigate();
  const byFile = form === 'files';
  const [quiet, setQuiet] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const sections = useMemo(() => sectionsOf(difference, byFile, folder), [difference, byFile, folder]);
  const shown = quiet ? sections.filter(({ hunks }) => !isNoise(hunks)) : sections;

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
              aria-label="By object or by file"
              value={byFile ? 'files' : 'objects'}
              onChange={(value) =>
                void navigate({
                  to: '.',
                  replace: true,
                  resetScroll: false,
                  search: (old) => ({ ...old, diff: value === 'files' ? value : undefined }),
                })
              }
              data={['objects', 'files']}
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
      {!byFile && <ObjectList objects={difference.objects} />}
      {shown.map((section) => (
        <SectionDiff key={`${section.name} ${section.beside ?? ''}`} section={section} split={splitDiff} />
      ))}
      {sections.length > shown.length && (
        <Text size="xs" c="dimmed">
          {sections.length - shown.length} {byFile ? 'files' : 'objects'} with nothing but labels and checksums are
          hidden.
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

/** Lines below a name. */
interface Section {
  name: string;
  /** Where else it is. */
  beside?: string;
  change: FileChange['change'];
  hunks: Hunk[];
}

/** Divides what differs: by object, with the files that are of none behind them, or by file. */
function sectionsOf({ objects, files }: Difference, byFile: boolean, folder: string | undefined): Section[] {
  const ofFile = ({ name, change, diff }: FileChange): Section => ({
    name: folder ? `${folder}/${name}` : name,
    change,
    hunks: hunksOf(diff),
  });
  if (byFile) return files.map(ofFile);
  const { parts, rest } = byObject(objects, files);
  const ofObjects = parts.flatMap(({ object: { change, kind, name, namespace }, file }) =>
    file ? [{ name: `${kind}/${name}`, beside: namespace ?? undefined, change, hunks: hunksOf(file.diff) }] : [],
  );
  return [...ofObjects, ...rest.map(ofFile)];
}

const SectionDiff = memo(function SectionDiff({ section, split }: { section: Section; split: boolean }) {
  const { name, beside, change, hunks } = section;
  const lines = hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0);
  const [open, setOpen] = useState(lines <= LONG);
  const Chevron = open ? IconChevronDown : IconChevronRight;
  return (
    <section className="diff-file" aria-label={name}>
      <header>
        <Tooltip label={open ? 'Close' : 'Open'}>
          <ActionIcon
            size="sm"
            variant="subtle"
            color="gray"
            aria-expanded={open}
            aria-label={name}
            onClick={() => setOpen(!open)}
          >
            <Chevron size={15} />
          </ActionIcon>
        </Tooltip>
        <span className="mono">{name}</span>
        {beside && <span className="diff-beside">{beside}</span>}
        <span data-change={change} className="diff-change">
          {change.toLowerCase()}
        </span>
      </header>
      {open ? (
        <div className="scroll-x">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the focus, for people without a pointer */}
          <table className="diff-lines" tabIndex={0} aria-label={`Changes of ${name}`}>
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

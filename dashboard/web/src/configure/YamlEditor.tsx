/** The editor of a manifest: YAML, faults, and what differs from what the branch has. */

import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { goToNextChunk, goToPreviousChunk, MergeView, unifiedMergeView } from '@codemirror/merge';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import type { Fault } from './manifestText';
import './configure.css';
import '~/parts/diff.css';

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';

/** The default colours cannot be read on a dark page, nor some of them on a light one. */
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--code-key)' },
  { tag: tags.string, color: 'var(--code-text)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: 'var(--code-value)' },
  { tag: tags.comment, color: 'var(--mantine-color-dimmed)', fontStyle: 'italic' },
]);

const look = (dark: boolean) =>
  EditorView.theme(
    {
      '&': { backgroundColor: 'var(--panel)', color: 'var(--mantine-color-text)', fontSize: '0.8125rem' },
      '.cm-content': { fontFamily: 'var(--mantine-font-family-monospace)', caretColor: 'var(--mantine-color-text)' },
      '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)' },
      '.cm-gutters': {
        backgroundColor: 'var(--panel)',
        color: 'var(--mantine-color-dimmed)',
        borderRight: '1px solid var(--line)',
      },
      '&.cm-focused': { outline: 'none' },
      '&.cm-merge-b .cm-changedLine, .cm-changedLine': { backgroundColor: 'var(--added)' },
      '&.cm-merge-a .cm-changedLine, .cm-deletedChunk': { backgroundColor: 'var(--removed)' },
      '&.cm-merge-b .cm-changedText, .cm-changedText': { background: 'var(--added-strong)' },
      '&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText': { background: 'var(--removed-strong)' },
      '.cm-deletedLine, .cm-deletedLine *': { textDecoration: 'none' },
      '.cm-deletedChunk .cm-chunkButtons button': {
        background: 'var(--panel)',
        color: 'var(--mantine-color-text)',
        border: '1px solid var(--line)',
        borderRadius: '4px',
        padding: '0 8px',
      },
      '.cm-collapsedLines': {
        background: 'var(--page)',
        color: 'var(--mantine-color-dimmed)',
      },
      '.cm-tooltip': { background: 'var(--panel)', border: '1px solid var(--line)', color: 'inherit' },
    },
    { dark },
  );

const common = (dark: boolean, label: string): Extension[] => [
  EditorView.cspNonce.of(nonce),
  EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
  lineNumbers(),
  drawSelection(),
  yaml(),
  syntaxHighlighting(colours),
  look(dark),
];

export interface EditorHandle {
  /** Shows a place of the text, and takes the focus. */
  go: (at: number) => void;
  focus: () => void;
  /** Shows the next change, or the one before, and takes the focus. */
  change: (by: 1 | -1) => void;
}

interface Props {
  text: string;
  /** What the branch has, where the difference is shown. */
  original?: string;
  faults: Fault[];
  readOnly: boolean;
  label: string;
  onChange: (text: string) => void;
  onReady: (handle: EditorHandle | undefined) => void;
}

const difference = (original: string | undefined, readOnly: boolean): Extension =>
  original === undefined
    ? []
    : unifiedMergeView({
        original,
        collapseUnchanged: { margin: 3, minSize: 6 },
        mergeControls: readOnly
          ? false
          : (kind, action) => {
              const button = document.createElement('button');
              // What is undone is the own change; there is nothing to accept.
              button.hidden = kind === 'accept';
              button.textContent = 'revert';
              button.addEventListener('mousedown', action);
              return button;
            },
      });

/** Edits a text. Changes from outside keep the cursor where it was. */
export function YamlEditor({ text, original, faults, readOnly, label, onChange, onReady }: Props) {
  const dark = useComputedColorScheme() === 'dark';
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const compare = useRef(new Compartment());
  const latest = useRef({ onChange, onReady, text, original });
  useEffect(() => {
    latest.current = { onChange, onReady, text, original };
  });

  useEffect(() => {
    if (!place.current) return;
    const editor = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: latest.current.text,
        extensions: [
          ...common(dark, label),
          history(),
          indentUnit.of('  '),
          lintGutter(),
          keymap.of([
            // The page goes from change to change by them; lines are not moved.
            { key: 'Alt-ArrowDown', run: () => true },
            { key: 'Alt-ArrowUp', run: () => true },
            ...defaultKeymap,
            ...historyKeymap,
          ]),
          EditorState.readOnly.of(readOnly),
          compare.current.of(difference(latest.current.original, readOnly)),
          EditorView.updateListener.of((update) => {
            const now = update.state.doc.toString();
            if (update.docChanged && now !== latest.current.text) latest.current.onChange(now);
          }),
        ],
      }),
    });
    view.current = editor;
    latest.current.onReady({
      go: (at) => {
        const anchor = Math.min(at, editor.state.doc.length);
        editor.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) });
        editor.focus();
      },
      focus: () => editor.focus(),
      change: (by) => {
        (by > 0 ? goToNextChunk : goToPreviousChunk)(editor);
        editor.focus();
      },
    });
    return () => {
      latest.current.onReady(undefined);
      view.current = undefined;
      editor.destroy();
    };
  }, [dark, label, readOnly]);

  useEffect(() => {
    view.current?.dispatch({ effects: compare.current.reconfigure(difference(original, readOnly)) });
  }, [original, readOnly]);

  useEffect(() => {
    const editor = view.current;
    const now = editor?.state.doc.toString();
    if (!editor || now === undefined) return;
    if (now !== text) editor.dispatch({ changes: smallest(now, text) });
    const length = text.length;
    const shown = faults.map(({ message, from, to, warning }): Diagnostic => {
      const start = Math.min(from, length);
      const severity = warning ? 'warning' : 'error';
      return { from: start, to: Math.max(start, Math.min(to, length)), severity, message };
    });
    editor.dispatch(setDiagnostics(editor.state, shown));
  }, [text, faults]);

  return <div ref={place} className="yaml-editor" />;
}

/** Returns the one change that makes a text the other one. */
function smallest(from: string, to: string) {
  const most = Math.min(from.length, to.length);
  let start = 0;
  while (start < most && from[start] === to[start]) start++;
  let end = 0;
  while (end < most - start && from[from.length - 1 - end] === to[to.length - 1 - end]) end++;
  return { from: start, to: from.length - end, insert: to.slice(start, to.length - end) };
}

/** Shows two texts side by side. */
export function BothSides({ theirs, mine }: { theirs: string; mine: string }) {
  const dark = useComputedColorScheme() === 'dark';
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return;
    const still = [EditorState.readOnly.of(true), EditorView.lineWrapping];
    const view = new MergeView({
      parent: place.current,
      a: { doc: theirs, extensions: [...common(dark, 'What the branch has'), ...still] },
      b: { doc: mine, extensions: [...common(dark, 'What you have'), ...still] },
      collapseUnchanged: { margin: 2, minSize: 5 },
    });
    return () => view.destroy();
  }, [dark, theirs, mine]);
  return <div ref={place} className="both-sides" />;
}

import { Alert, Button, Group, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useState } from 'react';
import { patch, sentence, withQuery } from '~/api/http';
import { type Environment, pathOf } from '~/api/kinds';
import { useRight } from '~/api/rights';
import { CopyAs } from '~/parts/CopyAs';
import { Guarded } from '~/parts/Guarded';
import { Failure, Loading } from '~/parts/states';
import { WordMark } from '~/parts/WordMark';
import { keeperOf, kubectlPatch, mergePatch, readRules, rulesOf, rulesText } from './rules';

// It is large, and few edit rules.
const YamlEditor = lazy(() => import('~/configure/YamlEditor').then((each) => ({ default: each.YamlEditor })));

const nothing = () => {};

interface Draft {
  /** The generation of the Environment whose rules were changed. */
  generation: number | undefined;
  base: ReturnType<typeof rulesOf>;
  text: string;
}

/** What is written stays while one looks elsewhere, by place and name. */
const drafts = new Map<string, Draft>();

function draftOf({ metadata: { generation }, spec }: Environment): Draft {
  const base = rulesOf(spec);
  return { generation, base, text: rulesText(base) };
}

/** Edits the rules of an environment: nothing is written before the API server has judged the very same change. */
export function RulesEditor({ environment, onClose }: { environment: Environment; onClose: () => void }) {
  const { namespace, name } = environment.metadata;
  const { generation } = environment.metadata;
  const id = `${namespace}/${name}`;
  const [draft, setDraft] = useState(() => drafts.get(id) ?? draftOf(environment));
  const { base, text } = draft;
  const keep = useCallback(
    (change: (draft: Draft) => Draft) =>
      setDraft((old) => {
        const draft = change(old);
        drafts.set(id, draft);
        return draft;
      }),
    [id],
  );
  const write = useCallback((text: string) => keep((draft) => ({ ...draft, text })), [keep]);
  const leave = () => {
    drafts.delete(id);
    onClose();
  };
  const right = useRight({ verb: 'patch', resource: 'environments', namespace, name });
  const path = pathOf('environments', namespace, name);
  const keeper = keeperOf(environment.metadata);
  const { rules, faults } = readRules(text);
  const change = rules && mergePatch(base, rules);
  const body = change && { spec: change };
  const said = JSON.stringify(body);
  const [asked] = useDebouncedValue(said, 500);
  // The same rules are written in more than one way: by who serves them, with defaults or without.
  const moved = generation !== draft.generation && JSON.stringify(rulesOf(environment.spec)) !== JSON.stringify(base);
  const judged = useQuery({
    queryKey: ['dry run', namespace, name, asked, moved],
    queryFn: () => patch<Environment>(withQuery(path, { dryRun: 'All' }), JSON.parse(asked ?? '{}')),
    enabled: asked !== undefined && asked === said && right.allowed,
    retry: false,
    staleTime: 0,
  });
  const applying = useMutation({
    mutationFn: () => patch<Environment>(path, body),
    onSuccess: () => {
      notifications.show({ message: `The rules of ${name} are changed.` });
      leave();
    },
    onError: (error) => notifications.show({ color: 'red', title: 'Refused', message: sentence(error) }),
  });
  const unless =
    (keeper && `${keeper} would undo it: change the file in git.`) ||
    (moved && 'The rules were changed meanwhile: start again from what is there now.') ||
    (faults[0]?.message ?? false) ||
    (!change && 'Nothing is changed yet.') ||
    (judged.error && 'The API server would not take it.') ||
    ((asked !== said || !judged.data) && 'The API server is asked whether it would take this.');
  return (
    <section className="panel rules-editor" aria-label="Change the rules">
      <header>
        <h2>Change the rules</h2>
        <Group gap="xs">
          {body && <CopyAs object={body} kubectl={() => kubectlPatch(environment, body)} />}
          <Button size="compact-sm" variant="default" onClick={leave}>
            {change || faults.length > 0 ? 'Discard' : 'Back'}
          </Button>
          <Guarded right={right} unless={unless} loading={applying.isPending} onClick={() => applying.mutate()}>
            Apply
          </Guarded>
        </Group>
      </header>
      {keeper && (
        <Alert variant="light" color="yellow" m="sm" p="sm">
          <Text size="sm">
            This Environment is applied by {keeper}. What is changed here would be undone at its next look: write the
            change into the file that it reads, by a pull request there. It can be copied as YAML.
          </Text>
        </Alert>
      )}
      {moved && (
        <Alert variant="light" color="yellow" m="sm" p="sm" role="status">
          <Group justify="space-between" gap="xs">
            <Text size="sm">Somebody else has changed the rules meanwhile.</Text>
            <Button size="compact-sm" variant="default" onClick={() => keep(() => draftOf(environment))}>
              Start again from theirs
            </Button>
          </Group>
        </Alert>
      )}
      <Suspense fallback={<Loading />}>
        <YamlEditor
          text={text}
          original={change ? rulesText(base) : undefined}
          faults={faults}
          readOnly={false}
          label="Rules"
          onChange={write}
          onReady={nothing}
        />
      </Suspense>
      <div className="panel-body" role="status">
        {faults.map(({ message }) => (
          <WordMark key={message} word="Failed" size={15}>
            {message}
          </WordMark>
        ))}
        {!right.allowed && <Text size="sm">{right.text}</Text>}
        {change && asked === said && judged.data && (
          <WordMark word="Healthy" size={15}>
            The API server would take this.
          </WordMark>
        )}
        {change && asked === said && judged.error && (
          <Failure error={judged.error} title="The API server would not take this" />
        )}
        <Text size="xs" c="dimmed" mt="xs">
          These are fields of <code>spec</code>; what is left out is as usual. Where a file of the Environment is kept,
          change it there, too.
        </Text>
      </div>
    </section>
  );
}

import { Group, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type RefObject, useState } from 'react';
import { post } from '~/api/http';
import { type ConfigChange, type ConfigChangeSpec, pathOf } from '~/api/kinds';
import { useMe } from '~/api/rights';
import type { Right } from '~/api/server';
import { kubectlCreate } from '~/domain/releaseSpec';
import { CopyAs } from '~/parts/CopyAs';
import { Guarded } from '~/parts/Guarded';
import { tellRefusal } from '~/parts/refused';
import { type Edit, newChange, setCommand, summaryOf } from './change';
import type { Drafting } from './useDraft';

interface Props {
  place: { namespace: string; app: string; environment: string };
  repository: string;
  /** The branch of the URL; the default one where there is none. */
  branch: string | undefined;
  target: string | undefined;
  path: string;
  draft: Drafting;
  edits: Edit[];
  right: Right;
  unless: string | false | undefined;
  messagePlace: RefObject<HTMLInputElement | null>;
  onSent: (name: string) => void;
}

/** What the commit says, and the two ways to make it. */
export function SendBar(props: Props) {
  const { place, repository, branch, target, path, draft, edits, right, unless, messagePlace, onSent } = props;
  const { namespace, app, environment } = place;
  const me = useMe();
  const [message, setMessage] = useState('');
  const usual = `configure ${app} in ${environment}: ${summaryOf(edits)}`;
  const make = (mode: ConfigChangeSpec['mode']) =>
    newChange(namespace, app, environment, {
      repository,
      ...(branch ? { branch } : {}),
      path,
      content: draft.text,
      ...(draft.base.blob ? { baseBlob: draft.base.blob } : {}),
      message: message.trim() || usual,
      mode,
      ...(me.data ? { requestedBy: me.data.user } : {}),
    });
  const send = useMutation({
    mutationFn: (mode: ConfigChangeSpec['mode']) => post<ConfigChange>(pathOf('configchanges', namespace), make(mode)),
    onSuccess: ({ metadata }) => {
      setMessage('');
      onSent(metadata.name);
    },
    onError: tellRefusal,
  });
  const why = unless || (!draft.changed && 'Nothing is changed yet.');
  const example = make('Commit');
  const command = { namespace, app, environment, repository, branch, message: message.trim(), pullRequest: false };
  return (
    <section className="panel configure-foot" aria-label="Send">
      <TextInput
        ref={messagePlace}
        className="configure-message"
        size="xs"
        label={`What the commit to ${path} says`}
        maxLength={2048}
        placeholder={usual}
        value={message}
        onChange={(event) => setMessage(event.currentTarget.value)}
      />
      <Group gap="xs">
        <CopyAs object={example} cli={setCommand(edits, command)} kubectl={(yaml) => kubectlCreate(namespace, yaml)} />
        <Guarded
          right={right}
          unless={why}
          variant="default"
          loading={send.isPending}
          onClick={() => send.mutate('PullRequest')}
        >
          Open pull request
        </Guarded>
        <Guarded right={right} unless={why} loading={send.isPending} onClick={() => send.mutate('Commit')}>
          Commit to {target ?? 'the branch'}
        </Guarded>
      </Group>
    </section>
  );
}

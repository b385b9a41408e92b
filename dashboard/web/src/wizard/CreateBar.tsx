import { Button, Group, Text } from '@mantine/core';
import { useRight } from '~/api/rights';
import { Guarded } from '~/parts/Guarded';
import { WordMark } from '~/parts/WordMark';
import { type Faults, missingBefore } from './draft';
import { useNamespaces } from './PlaceStep';
import { credentialsOf, MISSING, type Secrets } from './secrets';
import { useCreate } from './useCreate';
import type { Wizard } from './useDraft';

interface Props {
  wizard: Wizard;
  faults: Faults;
  secrets: Secrets;
  done: () => void;
}

/** The one button that writes, and what became of each object. */
export function CreateBar({ wizard: { draft, go }, faults, secrets, done }: Props) {
  const { namespace, way } = draft;
  const { data = [] } = useNamespaces();
  const environments = useRight({ verb: 'create', resource: 'environments', namespace });
  const others = useRight({ group: '', verb: 'create', resource: 'secrets', namespace });
  const right = environments.allowed && way !== 'there' ? others : environments;
  const { lines, begin, busy } = useCreate(done);
  const missing = missingBefore(faults);
  const secret = way !== 'there' && !credentialsOf(way, secrets) && MISSING[way];
  return (
    <>
      <Group gap="xs" mt="lg">
        <Button size="sm" variant="default" onClick={() => go('repository')}>
          Back
        </Button>
        <Guarded
          right={right}
          size="sm"
          loading={busy}
          unless={missing ? 'Something is missing or wrong above.' : secret}
          onClick={() => begin({ draft, secrets, known: data.includes(namespace) })}
        >
          Create environment
        </Guarded>
        {right.allowed && secret && (
          <Text size="xs" c="dimmed">
            {secret}
          </Text>
        )}
        {!right.allowed && (
          <Text size="xs" c="dimmed" className="wrap">
            {right.text}
          </Text>
        )}
      </Group>
      {lines.length > 0 && (
        <ul className="wizard-lines" aria-label="What became of it" aria-live="polite">
          {lines.map(({ what, word, text }) => (
            <li key={what}>
              <WordMark word={word} size={15}>
                {what}
              </WordMark>{' '}
              <span className="wrap">{text}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

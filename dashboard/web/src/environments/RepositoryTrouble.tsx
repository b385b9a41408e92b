import { Text } from '@mantine/core';
import { condition, type Environment } from '~/api/kinds';
import { CopyLine } from '~/parts/CopyLine';
import { againCommand } from '~/wizard/objects';
import { troubleOf } from '~/wizard/progress';

/** What to do where the repository cannot be written: the likely cause of the host's words, and other credentials where they help. */
export function RepositoryTrouble({ environment }: { environment: Environment }) {
  const git = condition(environment.status?.conditions, 'GitReady');
  if (git?.status !== 'False') return null;
  const trouble = troubleOf(git.message, git.reason);
  return (
    <section aria-label="What to do">
      {trouble && (
        <Text size="sm" className="wrap">
          {trouble.text}
        </Text>
      )}
      {(!trouble || trouble.credentials) && (
        <>
          <Text size="sm" mt="xs">
            A Secret is not changed here. This puts other credentials into it; the operator tries again by itself,
            within five minutes:
          </Text>
          <CopyLine text={againCommand(environment)} />
        </>
      )}
    </section>
  );
}

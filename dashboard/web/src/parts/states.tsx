/** What a panel shows while there is nothing, or nothing good, to show. */

import { Alert, Anchor, Button, Code, CopyButton, Group, Skeleton, Stack, Text } from '@mantine/core';
import { IconAlertCircle, IconLock } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { Problem, sentence } from '~/api/http';
import { isOutside } from '~/domain/links';
import { Age } from './Age';

/** Bars in place of content; they come after 300 ms, for what is quick needs none. */
export function Loading({ lines = 6, height = 18 }: { lines?: number; height?: number }) {
  const [due, setDue] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setDue(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Stack gap="sm" role="status" aria-label="Loading" mih={lines * (height + 12)}>
      {due &&
        Array.from({ length: lines }, (_, line) => `line ${line}`).map((name, line) => (
          <Skeleton key={name} height={height} width={`${100 - (line % 3) * 12}%`} />
        ))}
    </Stack>
  );
}

/** One sentence and the next step. */
export function Empty({ children, next }: { children: React.ReactNode; next?: React.ReactNode }) {
  return (
    <Stack align="center" gap="xs" py="xl" className="empty">
      <Text c="dimmed" ta="center" maw={560}>
        {children}
      </Text>
      {next}
    </Stack>
  );
}

interface FailureProps {
  error: unknown;
  again?: () => void;
  /** Whether what was shown before stays below it; where that is known, when it was last right. */
  kept?: boolean | number;
  title?: string;
}

/** What went wrong, with a way to try again. What was shown before stays below it. */
export function Failure({ error, again, kept, ...said }: FailureProps) {
  const problem = error instanceof Problem ? error : undefined;
  const denied = problem?.status === 403;
  const title = said.title ?? (denied ? 'No access' : (problem?.reason ?? 'Something went wrong'));
  const details = `${problem?.status ?? ''} ${problem?.reason ?? ''}: ${sentence(error)} (${location.pathname})`.trim();
  return (
    <Alert
      color={denied ? 'gray' : 'red'}
      variant="light"
      icon={denied ? <IconLock size={18} /> : <IconAlertCircle size={18} />}
      title={title}
      role="alert"
    >
      <Text size="sm" className="wrap">
        {sentence(error)}
        {typeof kept === 'number' && kept > 0 ? (
          <>
            {' What is shown below was read '}
            <Age time={new Date(kept).toISOString()} ago />.
          </>
        ) : (
          kept && ' What is shown below is older.'
        )}
      </Text>
      <Group gap="xs" mt="xs">
        {again && (
          <Button size="compact-sm" variant="default" onClick={again}>
            Try again
          </Button>
        )}
        <CopyButton value={details}>
          {({ copied, copy }) => (
            <Button size="compact-sm" variant="default" onClick={copy}>
              {copied ? 'Copied' : 'Copy details'}
            </Button>
          )}
        </CopyButton>
      </Group>
    </Alert>
  );
}

/** A link to another site. */
export function Outside({ href, children }: { href: string; children: React.ReactNode }) {
  if (!isOutside(href)) return <span>{children}</span>;
  return (
    <Anchor href={href} target="_blank" rel="noreferrer noopener" inherit>
      {children} ↗
    </Anchor>
  );
}

/** The first letters of a commit id. */
export function Sha({ id, href }: { id: string; href?: string | null }) {
  const text = (
    <Code className="sha" title={id}>
      {id.slice(0, 7)}
    </Code>
  );
  return href ? <Outside href={href}>{text}</Outside> : text;
}

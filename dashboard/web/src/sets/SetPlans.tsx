import { Collapse, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import type { Release } from '~/api/kinds';
import { sumOf } from '~/domain/diff';
import type { SetLine } from '~/domain/releaseSet';
import { Changes } from '~/release/ReleaseTabs';
import '~/release/release.css';

/** What each release of a set changes; each is read once it is opened. */
export function SetPlans({ lines }: { lines: readonly SetLine[] }) {
  const planned = lines.flatMap(({ app, release }) => (release?.status?.plan ? [{ app, release }] : []));
  if (planned.length === 0) return null;
  return (
    <section className="panel" aria-label="Plans" style={{ marginTop: 16 }}>
      <header>
        <h2>What changes</h2>
      </header>
      <div className="panel-body">
        {planned.map(({ app, release }) => (
          <Plan key={app} app={app} release={release} open={planned.length === 1} />
        ))}
      </div>
    </section>
  );
}

function Plan({ app, release, open }: { app: string; release: Release; open: boolean }) {
  const [shown, { toggle }] = useDisclosure(open);
  const { plan } = release.status ?? {};
  const Chevron = shown ? IconChevronDown : IconChevronRight;
  return (
    <div className="release-plan">
      <UnstyledButton onClick={toggle} aria-expanded={shown} className="release-plan-head">
        <Chevron size={15} />
        <strong>{app}</strong>
        <span>{plan && sumOf(plan)}</span>
      </UnstyledButton>
      <Collapse expanded={shown}>
        <div className="panel-body">{shown && <Changes release={release} />}</div>
      </Collapse>
    </div>
  );
}

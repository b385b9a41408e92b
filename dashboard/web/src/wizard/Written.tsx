import { Text } from '@mantine/core';
import { stringify } from 'yaml';
import { kubectlApply } from '~/domain/releaseSpec';
import { CopyAs, TextBlock } from '~/parts/CopyAs';
import type { Plain } from './objects';

interface Props {
  title: string;
  /** Where, and as whom. */
  children: React.ReactNode;
  objects: readonly Plain[];
  cli?: string;
}

/** The objects that a step writes, before it writes them, and how to do the same elsewhere. */
export function Written({ title, children, objects, cli }: Props) {
  return (
    <section className="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {objects.length > 0 && <CopyAs object={objects} cli={cli} kubectl={kubectlApply} />}
      </header>
      <div className="panel-body">
        <Text size="sm" c="dimmed" mb="sm">
          {children}
        </Text>
        {objects.map((object) => {
          const { name, namespace } = object.metadata;
          const label = `${object.kind} ${namespace && object.kind !== 'Namespace' ? `${namespace}/` : ''}${name}`;
          return (
            <details key={`${object.kind} ${name}`} className="wizard-object" open={object.kind === 'Environment'}>
              <summary>{label}</summary>
              <TextBlock label={label} text={stringify(object)} />
            </details>
          );
        })}
      </div>
    </section>
  );
}

import { Text } from '@mantine/core';
import { stringify } from 'yaml';
import { CopyAs, TextBlock } from '~/parts/CopyAs';
import type { Plain } from './objects';

type Shown = Pick<Plain, 'kind'> & { metadata: { name?: string; generateName?: string; namespace?: string } };

/** Kinds whose text is open from the first. */
const SHOWN = new Set(['Environment', 'Release', 'GitRepository', 'ServiceAccount']);

interface Props {
  title: string;
  /** Where, and as whom. */
  children: React.ReactNode;
  objects: readonly Shown[];
  cli?: string;
  kubectl: (yaml: string) => string;
}

/** The objects that a step writes, before it writes them, and how to do the same elsewhere. */
export function Written({ title, children, objects, cli, kubectl }: Props) {
  return (
    <section className="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {objects.length > 0 && (
          <CopyAs object={objects.filter(({ kind }) => kind !== 'Secret')} cli={cli} kubectl={kubectl} />
        )}
      </header>
      <div className="panel-body">
        <Text size="sm" c="dimmed" mb="sm">
          {children}
        </Text>
        {objects.map((object) => {
          const { name, generateName, namespace } = object.metadata;
          const label = `${object.kind} ${namespace ? `${namespace}/` : ''}${name ?? `${generateName}…`}`;
          return (
            <details key={`${object.kind} ${name}`} className="wizard-object" open={SHOWN.has(object.kind)}>
              <summary>{label}</summary>
              <TextBlock label={label} text={stringify(object)} />
            </details>
          );
        })}
      </div>
    </section>
  );
}

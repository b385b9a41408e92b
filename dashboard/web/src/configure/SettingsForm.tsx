import { Button, SegmentedControl, Text, TextInput, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconSearch } from '@tabler/icons-react';
import { type RefObject, useMemo, useState } from 'react';
import { Empty } from '~/parts/states';
import { type Section, shownOf } from './fields';
import { type Json, type Path, valueAt } from './manifestText';
import { Setting } from './Setting';

interface Props {
  sections: Section[];
  values: Json | undefined;
  /** What the branch has. */
  before: Json | undefined;
  defaults: Json | undefined;
  disabled: boolean;
  search: string;
  only: 'all' | 'set' | 'changed';
  searchPlace: RefObject<HTMLInputElement | null>;
  onSearch: (text: string) => void;
  onOnly: (only: string) => void;
  onChange: (path: Path, value: Json | undefined) => void;
  onYaml: (path: Path) => void;
}

/** The settings of a chart. It writes nothing but the value that was changed. */
export function SettingsForm(props: Props) {
  const { sections, values, before, search, only, searchPlace, onSearch, onOnly } = props;
  const { shown, set, changed } = useMemo(() => {
    const isSet = (path: Path) => valueAt(values, path) !== undefined;
    const isChanged = (path: Path) => JSON.stringify(valueAt(values, path)) !== JSON.stringify(valueAt(before, path));
    const count = (is: (path: Path) => boolean) =>
      sections.reduce((sum, { fields }) => sum + fields.filter(({ path }) => is(path)).length, 0);
    return {
      shown: shownOf(sections, search, only === 'set' ? isSet : only === 'changed' ? isChanged : undefined),
      set: count(isSet),
      changed: count(isChanged),
    };
  }, [sections, values, before, search, only]);
  const narrowed = search !== '' || only !== 'all';
  return (
    <>
      <div className="settings-search">
        <TextInput
          ref={searchPlace}
          size="xs"
          leftSection={<IconSearch size={14} />}
          placeholder="Search settings"
          aria-label="Search settings"
          value={search}
          onChange={(event) => onSearch(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
        <SegmentedControl
          size="xs"
          aria-label="Which settings"
          value={only}
          onChange={onOnly}
          data={[
            { value: 'all', label: 'all' },
            { value: 'set', label: `set ${set || ''}` },
            { value: 'changed', label: `changed ${changed || ''}` },
          ]}
        />
      </div>
      <div className="configure-body">
        {shown.length === 0 && (
          <Empty
            next={
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => {
                  onSearch('');
                  onOnly('all');
                }}
              >
                Show all
              </Button>
            }
          >
            {only === 'changed' && !search ? 'Nothing is changed yet.' : 'No setting fits.'}
          </Empty>
        )}
        {shown.map((section) => (
          <SectionOf key={section.name} section={section} narrowed={narrowed} {...props} />
        ))}
      </div>
    </>
  );
}

function SectionOf({ section, narrowed, ...props }: Props & { section: Section; narrowed: boolean }) {
  const { values, before, defaults, disabled, onChange, onYaml } = props;
  const count = section.fields.filter(({ path }) => valueAt(values, path) !== undefined).length;
  const [open, setOpen] = useState<boolean>();
  const isOpen = narrowed || (open ?? (count > 0 || section.name === 'General'));
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <section className="settings-section" aria-label={section.name}>
      <UnstyledButton className="settings-head" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Chevron size={15} />
        {section.name}
        <span className="settings-count">{count > 0 ? `${count} set` : ''}</span>
      </UnstyledButton>
      {isOpen && section.description && (
        <Text size="xs" c="dimmed" px={30} pb={4}>
          {section.description}
        </Text>
      )}
      {isOpen &&
        section.fields.map((field) => (
          <Setting
            key={field.path.join('.')}
            field={field}
            value={valueAt(values, field.path)}
            before={valueAt(before, field.path)}
            standard={valueAt(defaults, field.path)}
            disabled={disabled}
            onChange={onChange}
            onYaml={onYaml}
          />
        ))}
    </section>
  );
}

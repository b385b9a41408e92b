import { ActionIcon, Button, NativeSelect, Text, TextInput, Tooltip } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { memo, useState } from 'react';
import { type Field, typed } from './fields';
import type { Json, Path } from './manifestText';

interface Props {
  field: Field;
  value: Json | undefined;
  before: Json | undefined;
  standard: Json | undefined;
  disabled: boolean;
  onChange: (path: Path, value: Json | undefined) => void;
  onYaml: (path: Path) => void;
}

const isMap = (value: Json | undefined): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const same = (a: Json | undefined, b: Json | undefined) => JSON.stringify(a) === JSON.stringify(b);

const textOf = (value: Json | undefined) => (value === undefined || value === null ? '' : String(value));

/** One setting: what it is called, its value, and the way back to the chart's default. */
export const Setting = memo(function Setting({ field, value, before, standard, disabled, onChange, onYaml }: Props) {
  const { path, label, description } = field;
  const id = `setting-${path.join('.')}`;
  // What a form cannot draw is changed where it can be seen whole.
  const yaml = field.kind === 'yaml' || (field.kind !== 'map' && typeof value === 'object' && value !== null);
  return (
    <div className="setting" data-changed={!same(value, before)}>
      <div className="setting-label">
        {yaml || field.kind === 'map' ? <span>{label}</span> : <label htmlFor={id}>{label}</label>}
        {description && (
          <Text size="xs" c="dimmed">
            {description}
          </Text>
        )}
      </div>
      {yaml ? (
        <div>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => onYaml(path)}
            aria-label={`Edit in YAML: ${label}`}
          >
            Edit in YAML
          </Button>
        </div>
      ) : field.kind === 'map' ? (
        <MapSetting {...{ field, value, disabled, onChange, onYaml }} />
      ) : (
        <Control id={id} {...{ field, value, standard, disabled, onChange }} />
      )}
      {value !== undefined && (
        <Tooltip label={standard === undefined ? 'Take it out' : `Back to the chart's default`}>
          <Button
            size="compact-xs"
            variant="subtle"
            color="gray"
            disabled={disabled}
            aria-label={`reset ${label}`}
            onClick={() => onChange(path, undefined)}
          >
            reset
          </Button>
        </Tooltip>
      )}
    </div>
  );
});

type ControlProps = Pick<Props, 'field' | 'value' | 'standard' | 'disabled' | 'onChange'> & { id: string };

function Control({ id, field, value, standard, disabled, onChange }: ControlProps) {
  const { path, kind, options } = field;
  const fallback = standard === undefined || typeof standard === 'object' ? '' : textOf(standard);
  const now = textOf(value);
  if (kind === 'boolean' || kind === 'choice') {
    const known = kind === 'boolean' ? ['true', 'false'] : (options ?? []).filter((option) => option !== '');
    // An expression of a template is a value too.
    const choices = now === '' || known.includes(now) ? known : [now, ...known];
    return (
      <NativeSelect
        id={id}
        size="xs"
        disabled={disabled}
        value={now}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          if (chosen === '') onChange(path, undefined);
          else onChange(path, kind === 'boolean' && chosen !== now ? chosen === 'true' : chosen);
        }}
        data={[{ value: '', label: fallback ? `default: ${fallback}` : 'default' }, ...choices]}
      />
    );
  }
  return (
    <TextInput
      id={id}
      size="xs"
      disabled={disabled}
      inputMode={kind === 'number' ? 'numeric' : 'text'}
      placeholder={fallback}
      value={now}
      onChange={(event) => onChange(path, typed(event.currentTarget.value, kind))}
    />
  );
}

/** Names with values: those that are there can be changed, and others added. */
function MapSetting({
  field,
  value,
  disabled,
  onChange,
  onYaml,
}: Pick<Props, 'field' | 'value' | 'disabled' | 'onChange' | 'onYaml'>) {
  const [name, setName] = useState('');
  const [text, setText] = useState('');
  const { path, label } = field;
  const entries = isMap(value) ? Object.entries(value) : [];
  const add = () => {
    const key = name.trim();
    if (!key) return;
    onChange([...path, key], text);
    setName('');
    setText('');
  };
  return (
    <div className="setting-map">
      {entries.map(([key, each]) => (
        <MapEntry key={key} {...{ path, label, name: key, value: each, disabled, onChange, onYaml }} />
      ))}
      <TextInput
        size="xs"
        disabled={disabled}
        placeholder="NAME"
        aria-label={`New name in ${label}`}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Enter' && add()}
      />
      <TextInput
        size="xs"
        disabled={disabled}
        placeholder="value"
        aria-label={`New value in ${label}`}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Enter' && add()}
      />
      <Button size="compact-xs" variant="default" disabled={disabled || !name.trim()} onClick={add}>
        Add
      </Button>
    </div>
  );
}

interface EntryProps extends Pick<Props, 'disabled' | 'onChange' | 'onYaml'> {
  path: Path;
  label: string;
  name: string;
  value: Json;
}

function MapEntry({ path, label, name, value, disabled, onChange, onYaml }: EntryProps) {
  const own = [...path, name];
  return (
    <>
      <Text size="xs" className="mono wrap">
        {name}
      </Text>
      {typeof value === 'object' && value !== null ? (
        <Button size="compact-xs" variant="default" onClick={() => onYaml(own)} aria-label={`Edit in YAML: ${name}`}>
          Edit in YAML
        </Button>
      ) : (
        <TextInput
          size="xs"
          disabled={disabled}
          aria-label={`${name} in ${label}`}
          value={textOf(value)}
          onChange={(event) => {
            const text = event.currentTarget.value;
            onChange(own, typeof value === 'number' ? (typed(text, 'number') ?? '') : text);
          }}
        />
      )}
      <ActionIcon
        size="sm"
        variant="subtle"
        color="gray"
        disabled={disabled}
        aria-label={`Remove ${name} from ${label}`}
        onClick={() => onChange(own, undefined)}
      >
        <IconTrash size={14} />
      </ActionIcon>
    </>
  );
}

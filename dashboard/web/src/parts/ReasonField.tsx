import { type MantineSpacing, Textarea, TextInput } from '@mantine/core';

interface Props {
  value: string;
  onChange: (reason: string) => void;
  label?: string;
  /** Who reads it. */
  description?: string;
  required?: boolean;
  /** Whether it stands in one line wherever it is shown: then it is written in one, too. */
  short?: boolean;
  /** Whether the focus is here when the dialog opens. */
  first?: boolean;
  /** The distance to what is above it. */
  mt?: MantineSpacing;
}

/** Where people write why. Its limits are those of the kinds. */
export function ReasonField({ value, onChange, label = 'Reason', description, required, short, first, mt }: Props) {
  const field = { label, description, required, value, mt, 'data-autofocus': first || undefined };
  return short ? (
    <TextInput {...field} maxLength={256} onChange={(event) => onChange(event.currentTarget.value)} />
  ) : (
    <Textarea {...field} autosize maxLength={512} onChange={(event) => onChange(event.currentTarget.value)} />
  );
}

import { Button, type ButtonProps, Tooltip } from '@mantine/core';
import { useId } from 'react';
import type { Right } from '~/api/server';

interface Props extends Omit<ButtonProps, 'right'> {
  right: Right;
  onClick: () => void;
  /** Why it makes no sense now, whatever the rights. */
  unless?: string | false;
  children: React.ReactNode;
}

/** A button that stays where the right is missing: disabled, with the sentence that says why. */
export function Guarded({ right, onClick, unless, children, ...button }: Props) {
  const id = useId();
  const why = right.allowed ? unless || undefined : right.text;
  const control = (
    <Button
      size="compact-sm"
      {...button}
      aria-disabled={why ? true : undefined}
      data-disabled={why ? true : undefined}
      aria-describedby={why ? id : undefined}
      onClick={() => !why && onClick()}
    >
      {children}
    </Button>
  );
  if (!why) return control;
  return (
    <>
      <Tooltip label={why} multiline maw={340} withArrow events={{ hover: true, focus: true, touch: true }}>
        {control}
      </Tooltip>
      <span id={id} hidden>
        {why}
      </span>
    </>
  );
}

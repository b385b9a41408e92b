import { Button, Menu, Modal } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { stringify } from 'yaml';
import { useKeys } from './keys';

interface Props {
  /** The object that would do the same, or several in their order. */
  object: unknown;
  cli?: string;
  kubectl: (yaml: string) => string;
  /** Whether `c` opens it. */
  keys?: boolean;
}

async function copy(what: string, text: string) {
  try {
    await navigator.clipboard.writeText(text);
    notifications.show({ message: `${what} copied`, autoClose: 2000 });
  } catch {
    notifications.show({
      color: 'red',
      message: 'The browser does not let the page copy. Use YAML, and copy by hand.',
    });
  }
}

/** The same action for a terminal, a script, or git. */
export function CopyAs({ object, cli, kubectl, keys }: Props) {
  const [chosen, choose] = useState(false);
  const [open, { open: show, close }] = useDisclosure(false);
  const yaml = Array.isArray(object) ? object.map((each) => stringify(each)).join('---\n') : stringify(object);
  useKeys(keys ? [{ key: 'c', label: 'copy as', run: () => choose(true) }] : []);
  return (
    <>
      <Menu position="bottom-end" opened={chosen} onChange={choose}>
        <Menu.Target>
          <Button size="compact-sm" variant="default">
            Copy as
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {cli && <Menu.Item onClick={() => void copy('Command', cli)}>gimlet command</Menu.Item>}
          <Menu.Item onClick={() => void copy('Command', kubectl(yaml))}>kubectl command</Menu.Item>
          <Menu.Item onClick={() => void copy('YAML', yaml)}>YAML</Menu.Item>
          <Menu.Divider />
          <Menu.Item onClick={show}>Show…</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={open} onClose={close} title="The same, elsewhere" size="lg">
        {cli && <TextBlock label="gimlet" text={cli} />}
        <TextBlock label="YAML" text={yaml} />
      </Modal>
    </>
  );
}

/** Text as it is, which can be selected and scrolls. */
export function TextBlock({ label, text }: { label: string; text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the focus, for people without a pointer
    <section className="text-block" aria-label={label} tabIndex={0}>
      {text}
    </section>
  );
}

import { Button, Drawer } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { stringify } from 'yaml';
import { TextBlock } from './CopyAs';
import { useKeys } from './keys';

/** Shows an object as the API server has it. */
export function YamlButton({ title, object }: { title: string; object: unknown }) {
  const [open, { open: show, close }] = useDisclosure(false);
  useKeys([{ key: 'y', label: 'YAML', run: show }]);
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={show}>
        YAML
      </Button>
      <Drawer opened={open} onClose={close} position="right" size={720} title={title}>
        {open && <TextBlock label={title} text={stringify(object)} />}
      </Drawer>
    </>
  );
}

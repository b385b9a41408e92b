import { Modal, Switch } from '@mantine/core';
import { Fragment } from 'react';
import { prefer, usePreferences } from '~/domain/preferences';
import { useListedKeys } from '~/parts/keys';
import { keyText } from './KeyBar';

/** Lists every key of the page. */
export function KeyHelp({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const keys = useListedKeys();
  const { singleKeys } = usePreferences();
  return (
    <Modal opened={opened} onClose={onClose} title="Keys of this page" centered>
      <div className="key-list">
        <kbd>Ctrl K</kbd> <span>palette: go anywhere, do anything</span>
        {keys.map(({ key, label }) => (
          <Fragment key={key}>
            <kbd>{keyText(key)}</kbd>
            <span>{key.startsWith('g ') ? `go to ${label}` : label}</span>
          </Fragment>
        ))}
      </div>
      <Switch
        mt="lg"
        label="Single letters are keys"
        checked={singleKeys}
        onChange={(event) => prefer({ singleKeys: event.currentTarget.checked })}
      />
    </Modal>
  );
}

import { SegmentedControl, Select, Stack, Switch, Text, useMantineColorScheme } from '@mantine/core';
import { prefer, usePreferences } from '~/domain/preferences';
import { dateTime } from '~/domain/time';
import { useNow } from '~/parts/Age';

const browserZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
// Browsers leave UTC out of their list.
const zones = [...new Set(['UTC', ...Intl.supportedValuesOf('timeZone')])];

/** How the pages look and listen. */
export function Appearance() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { dense, singleKeys, splitDiff, timeZone } = usePreferences();
  const now = useNow();
  return (
    <section className="panel" aria-label="Appearance">
      <header>
        <h2>Appearance</h2>
      </header>
      <Stack className="panel-body" gap="sm" align="flex-start">
        <SegmentedControl
          size="xs"
          aria-label="Colours"
          value={colorScheme}
          onChange={(value) => setColorScheme(value === 'light' || value === 'dark' ? value : 'auto')}
          data={[
            { value: 'auto', label: 'As the system' },
            { value: 'light', label: 'Light' },
            { value: 'dark', label: 'Dark' },
          ]}
        />
        <Switch
          label="Low rows in the overview"
          checked={dense}
          onChange={(event) => prefer({ dense: event.currentTarget.checked })}
        />
        <Switch
          label="Differences side by side"
          checked={splitDiff}
          onChange={(event) => prefer({ splitDiff: event.currentTarget.checked })}
        />
        <Switch
          label="Single letters are keys"
          checked={singleKeys}
          onChange={(event) => prefer({ singleKeys: event.currentTarget.checked })}
        />
        <Select
          size="xs"
          w={300}
          label="Time zone"
          description={`Now it is ${dateTime(new Date(now).toISOString())}.`}
          placeholder={`As the browser: ${browserZone}`}
          data={zones}
          value={timeZone ?? null}
          onChange={(zone) => prefer({ timeZone: zone ?? undefined })}
          limit={50}
          searchable
          clearable
          clearButtonProps={{ 'aria-label': 'As the browser' }}
          nothingFoundMessage="There is no such zone."
        />
        <Text size="xs" c="dimmed">
          Kept in this browser only.
        </Text>
      </Stack>
    </section>
  );
}

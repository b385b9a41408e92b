import { Stack } from '@mantine/core';
import { About } from './About';
import { Appearance } from './Appearance';
import { Charts } from './Charts';
import { GitHosts } from './GitHosts';
import { Notifiers } from './Notifiers';
import { You } from './You';

/** Who you are, what you may, how it looks, and what Gimlet is connected with. */
export function SettingsPage() {
  return (
    <>
      <div className="page-head">
        <h1>Settings</h1>
      </div>
      <Stack gap="md">
        <div className="columns">
          <You />
          <Stack gap="md">
            <Appearance />
            <About />
          </Stack>
        </div>
        <GitHosts />
        <Notifiers />
        <Charts />
      </Stack>
    </>
  );
}

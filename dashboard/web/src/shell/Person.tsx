import { Button, Menu, Text, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { IconLogout, IconMoon, IconSettings, IconSun } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useMe } from '~/api/rights';
import { signOut } from '~/api/server';
import { dateTime } from '~/domain/time';

/** Who is signed in, and how it looks. */
export function Person() {
  const me = useMe();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  const user = me.data?.user ?? '…';
  const leave = async () => {
    const next = await signOut();
    // Where the provider is not asked, it would let the next person in as this one.
    location.assign(next ?? '/');
  };
  return (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <Button size="compact-sm" variant="default" aria-label={`Signed in as ${user}`}>
          <span className="ellipsis" style={{ maxWidth: 140 }}>
            {user.split(':').at(-1)}
          </span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" className="wrap">
            {user}
          </Text>
          <Text size="xs" c="dimmed" className="wrap">
            {me.data?.groups.length ? `groups ${me.data.groups.join(', ')}` : 'no groups'}
          </Text>
          {me.data?.expires && (
            <Text size="xs" c="dimmed">
              until {dateTime(me.data.expires)}
            </Text>
          )}
        </Menu.Label>
        <Menu.Item
          leftSection={dark ? <IconSun size={15} /> : <IconMoon size={15} />}
          onClick={() => setColorScheme(dark ? 'light' : 'dark')}
        >
          {dark ? 'Light' : 'Dark'}
        </Menu.Item>
        <Menu.Item component={Link} to="/settings" leftSection={<IconSettings size={15} />}>
          Settings
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => void leave()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

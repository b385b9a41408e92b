import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Empty } from '~/parts/states';

export const NotFound = () => (
  <Empty
    next={
      <Button component={Link} to="/" variant="default">
        To the overview
      </Button>
    }
  >
    There is no such page.
  </Empty>
);

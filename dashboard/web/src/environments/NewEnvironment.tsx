import { Button } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';

/** The way to the wizard: looking at what it would do needs no right. */
export function NewEnvironment() {
  const navigate = useNavigate();
  return (
    <Button
      size="compact-sm"
      variant="default"
      onClick={() => void navigate({ to: '/environments/new', search: ({ ns }) => ({ ns, in: ns }) })}
    >
      New environment…
    </Button>
  );
}

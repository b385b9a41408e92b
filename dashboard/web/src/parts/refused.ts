import { notifications } from '@mantine/notifications';
import { sentence } from '~/api/http';

/** Tells that something was refused. It stays until somebody has read it. */
export function tellRefusal(error: unknown) {
  notifications.show({ color: 'red', title: 'Refused', message: sentence(error), autoClose: false });
}

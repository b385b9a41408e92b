/** Objects of the API group, read as whoever is signed in. */

import { get, withQuery } from './http';
import { type List, type Plural, pathOf } from './kinds';

/** Reads an object by its name. The list of that name is empty where it is not there: no request has to fail for it. */
export async function readNamed<T>(plural: Plural, namespace: string, name: string): Promise<T | undefined> {
  const path = withQuery(pathOf(plural, namespace), { fieldSelector: `metadata.name=${name}` });
  const { items } = await get<List<T>>(path);
  return items[0];
}

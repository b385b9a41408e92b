/** The state of every page is in its URL, as plain text parameters. */

export type SearchText = Record<string, string | undefined>;

/** Reads the parameters of a URL. */
export function parseSearch(text: string): SearchText {
  return Object.fromEntries(new URLSearchParams(text.startsWith('?') ? text.slice(1) : text));
}

/** Writes parameters so that people can read them: what need not be escaped is not. */
export function stringifySearch(search: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value));
  }
  const text = query
    .toString()
    .replaceAll('%2F', '/')
    .replaceAll('%7E', '~')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',');
  return text ? `?${text}` : '';
}

/** Returns the search with the action that is to be opened, or without one. */
export const withAct = (search: SearchText, act: string | undefined): SearchText => ({ ...search, act });

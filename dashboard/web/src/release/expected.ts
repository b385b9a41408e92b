/** What is expected to be there still when a release goes. Pure. */

/** Says which commits are expected; nothing where the app is not released anywhere yet, so that there is none to expect. */
export function expectedText(bases: readonly (string | undefined)[]): string | undefined {
  const known = [...new Set(bases.flatMap((base) => base?.slice(0, 7) ?? []))];
  if (known.length === 0) return undefined;
  return `Expect base ${known.length > 3 ? `${known.slice(0, 3).join(', ')} and ${known.length - 3} more` : known.join(', ')}`;
}

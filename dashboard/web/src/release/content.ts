/** What a release is made of, as its own object tells it. Pure. */

import { stringify } from 'yaml';
import type { Release } from '~/api/kinds';

/** Values, and the text that is shown of them; or why there are none to show. */
export type Values = { text: string } | { why: string };

/** Returns the values of the manifest that a release brings with it. */
export function valuesOf({ spec, status }: Release): Values {
  const { manifest } = spec;
  if (manifest && typeof manifest === 'object') {
    const values = 'values' in manifest ? manifest.values : undefined;
    if (values && typeof values === 'object' && Object.keys(values).length > 0) return { text: stringify(values) };
    return { why: 'Its manifest sets no values: those of the chart hold.' };
  }
  const artifact = status?.artifact?.name ?? spec.artifact?.name;
  if (artifact)
    return { why: `Its manifest, with the values, is in the Artifact ${artifact}, and not in the release.` };
  if (spec.promoteFrom)
    return { why: `It takes what ${spec.promoteFrom.environment} runs: the artifact is not known yet.` };
  return { why: 'It has no manifest of its own: it puts files into git as they were.' };
}

/** Returns the commit that has the files of a release: its own, or the one that had them already. */
export function commitOf({ status }: Release): string | undefined {
  return status?.commit?.sha ?? (status?.phase === 'Unchanged' ? status.plan?.base : undefined);
}

/** Git's id of a content, as `git hash-object` says it; none in a browser that cannot compute it. */
export async function blobOf(content: string, like: string | undefined): Promise<string | undefined> {
  const { subtle } = globalThis.crypto;
  // Only pages that came safely have it.
  if (!subtle) return undefined;
  const bytes = new TextEncoder().encode(content);
  const head = new TextEncoder().encode(`blob ${bytes.length}\0`);
  const whole = new Uint8Array(head.length + bytes.length);
  whole.set(head);
  whole.set(bytes, head.length);
  const sum = await subtle.digest(like?.length === 64 ? 'SHA-256' : 'SHA-1', whole);
  return [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

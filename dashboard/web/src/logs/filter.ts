/** The filter of logs: words that lines have, `-words` that they do not have, or one `/pattern/`. */

export interface Filter {
  keeps: (text: string) => boolean;
  /** Why the pattern cannot be read. */
  problem?: string;
}

/** Reads a filter. What cannot be read keeps everything, and says so. */
export function filterOf(text: string | undefined): Filter {
  const wanted = (text ?? '').trim();
  if (!wanted) return { keeps: () => true };
  const pattern = /^(-?)\/(.+)\/$/.exec(wanted);
  if (pattern) {
    try {
      const expression = new RegExp(pattern[2] ?? '', 'im');
      return { keeps: (line) => expression.test(line) !== (pattern[1] === '-') };
    } catch {
      return { keeps: () => true, problem: 'This is no pattern: look at its brackets.' };
    }
  }
  const words = wanted.toLowerCase().split(/\s+/);
  const out = words.filter((word) => word.startsWith('-') && word.length > 1).map((word) => word.slice(1));
  const into = words.filter((word) => !word.startsWith('-'));
  return {
    keeps: (line) => {
      const low = line.toLowerCase();
      return into.every((word) => low.includes(word)) && !out.some((word) => low.includes(word));
    },
  };
}

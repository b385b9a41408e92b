/** The way to a store of logs, which keeps what is long gone: a template of its address, written at the Environment. */

/** What the template may name. */
export interface Shown {
  app: string;
  environment: string;
  /** Where the app runs, in its cluster. */
  namespace: string;
  /** Empty where all are shown. */
  pod: string;
  container: string;
}

/** Fills in a template such as `https://grafana.example.com/a/logs?ns={namespace}&app={app}`; none where it is no web address. */
export function storeLink(template: string | undefined, shown: Shown): string | undefined {
  if (!template || !/^https?:\/\//.test(template)) return undefined;
  const filled = template.replace(/\{(app|environment|namespace|pod|container)\}/g, (_, name: keyof Shown) =>
    encodeURIComponent(shown[name]),
  );
  return URL.canParse(filled) ? filled : undefined;
}

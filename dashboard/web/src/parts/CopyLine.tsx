import { Button, Code, CopyButton } from '@mantine/core';

/** A command as it is typed, with a button that copies it. */
export function CopyLine({ text }: { text: string }) {
  return (
    <div className="copy-line">
      <Code block>{text}</Code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button size="compact-xs" variant="default" onClick={copy} aria-label={`Copy ${text}`}>
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
    </div>
  );
}

import { Component, type ReactNode } from 'react';
import { Failure } from './states';
import './boundary.css';

interface Props {
  /** What it is that may fail, as a sentence begins: `The log`. */
  what: string;
  /** Whether it stands over the page, not in it. */
  floats?: boolean;
  children: ReactNode;
}

/** Keeps what fails in its place: the rest of the page stays. Loaded anew it begins afresh. */
export class Boundary extends Component<Props, { error: unknown }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { what, floats, children } = this.props;
    if (this.state.error === undefined) return children;
    return (
      <div className={floats ? 'panel floats' : undefined}>
        <Broken what={what} error={this.state.error} />
      </div>
    );
  }
}

/** Says that a part of the page cannot be shown; a newer dashboard has other files, which loading anew brings. */
export function Broken({ what, error }: { what: string; error: unknown }) {
  return <Failure error={error} title={`${what} cannot be shown`} again={() => location.reload()} />;
}

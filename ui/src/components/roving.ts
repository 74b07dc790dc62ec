/** One tab stop for a row of controls; arrow keys, Home and End move inside. */
export interface RovingOptions {
  /** Which descendants take part, in the order of the document. */
  readonly selector: string;
}

export function roving(options: RovingOptions): (node: HTMLElement) => () => void {
  return (node) => {
    const items = () => [...node.querySelectorAll<HTMLElement>(options.selector)];

    const move = (event: KeyboardEvent) => {
      const all = items();
      const at = all.findIndex((item) => item === document.activeElement);
      const next = {
        ArrowDown: at + 1,
        ArrowUp: at - 1,
        Home: 0,
        End: all.length - 1,
      }[event.key];
      if (at < 0 || next === undefined || event.ctrlKey || event.altKey || event.metaKey) {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      all[(next + all.length) % all.length]?.focus();
    };

    node.addEventListener("keydown", move);
    return () => node.removeEventListener("keydown", move);
  };
}

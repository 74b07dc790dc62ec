/** Brings what a menu asked for into view, once. */
export function bringIntoView(wanted: boolean): (node: HTMLElement) => void {
  return (node) => {
    if (wanted) {
      node.scrollIntoView({ block: "start" });
    }
  };
}

/** Which key means what. Single letters work only outside of text fields. */

export type Command =
  | { readonly kind: "account"; readonly place: number }
  | { readonly kind: "all_accounts" }
  | { readonly kind: "account_list" }
  | { readonly kind: "move"; readonly by: number }
  | { readonly kind: "edge"; readonly end: "first" | "last" }
  | { readonly kind: "open" }
  | { readonly kind: "message"; readonly by: 1 | -1 }
  | { readonly kind: "unfold"; readonly all: boolean }
  | { readonly kind: "back" }
  | { readonly kind: "star" }
  | { readonly kind: "read" }
  | { readonly kind: "unread" }
  | { readonly kind: "region"; readonly by: 1 | -1 }
  | { readonly kind: "search" }
  | { readonly kind: "sidebar" }
  | { readonly kind: "sync" }
  | { readonly kind: "keys" };

/** What is used of a key event. */
export interface Press {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
}

/** Where the focus is. */
export interface Place {
  /** In a text field. */
  readonly typing: boolean;
  /** On the list, or on nothing in particular. */
  readonly list: boolean;
}

const PAGE = 8;

export function commandFor(press: Press, place: Place): Command | null {
  if (press.altKey) {
    return null;
  }
  if (press.key === "F6") {
    return { kind: "region", by: press.shiftKey ? -1 : 1 };
  }
  if (press.key === "F5") {
    return { kind: "sync" };
  }
  if (press.ctrlKey || press.metaKey) {
    return isSearch(press) ? { kind: "search" } : accountCommand(press);
  }
  if (place.typing) {
    return null;
  }
  return letterCommand(press) ?? (place.list ? listCommand(press) : null);
}

function isSearch({ key, code, shiftKey }: Press): boolean {
  const latin = /^[a-z]$/i.test(key);
  return !shiftKey && (latin ? key.toLowerCase() === "f" : code === "KeyF");
}

/** By character, or by place where the layout has no Latin character there. */
function accountCommand(press: Press): Command | null {
  if (press.shiftKey) {
    const isA = press.key.toLowerCase() === "a" || press.code === "KeyA";
    return isA ? { kind: "account_list" } : null;
  }
  const digit = /^[0-9]$/.test(press.key) ? press.key : /^Digit([0-9])$/.exec(press.code)?.[1];
  if (digit === undefined) {
    return null;
  }
  return digit === "0" ? { kind: "all_accounts" } : { kind: "account", place: Number(digit) - 1 };
}

function letterCommand(press: Press): Command | null {
  switch (press.key) {
    case "j":
      return { kind: "move", by: 1 };
    case "k":
      return { kind: "move", by: -1 };
    case "o":
      return { kind: "open" };
    case "n":
      return { kind: "message", by: 1 };
    case "p":
      return { kind: "message", by: -1 };
    case ";":
      return { kind: "unfold", all: true };
    case ":":
      return { kind: "unfold", all: false };
    case "u":
    case "Escape":
      return { kind: "back" };
    case "s":
      return { kind: "star" };
    case "I":
      return { kind: "read" };
    case "U":
      return { kind: "unread" };
    case "/":
      return { kind: "search" };
    case "[":
      return { kind: "sidebar" };
    case "?":
      return { kind: "keys" };
    default:
      return null;
  }
}

function listCommand(press: Press): Command | null {
  switch (press.key) {
    case "ArrowDown":
      return { kind: "move", by: 1 };
    case "ArrowUp":
      return { kind: "move", by: -1 };
    case "PageDown":
      return { kind: "move", by: PAGE };
    case "PageUp":
      return { kind: "move", by: -PAGE };
    case "Home":
      return { kind: "edge", end: "first" };
    case "End":
      return { kind: "edge", end: "last" };
    case "Enter":
      return { kind: "open" };
    default:
      return null;
  }
}

/** For the list of keys. */
export const KEYS: readonly { readonly keys: readonly string[]; readonly does: string }[] = [
  { keys: ["/", "Ctrl F"], does: "Search" },
  { keys: ["J", "K"], does: "Next or previous conversation" },
  { keys: ["Enter", "O"], does: "Open it" },
  { keys: ["N", "P"], does: "Next or previous message of a conversation" },
  { keys: [";", ":"], does: "Open or fold all its messages" },
  { keys: ["U", "Esc"], does: "Back to the list, or out of a search" },
  { keys: ["S"], does: "Add or remove the star" },
  { keys: ["Shift I", "Shift U"], does: "Mark as read or unread" },
  { keys: ["Ctrl 1", "…", "Ctrl 9"], does: "Show one account" },
  { keys: ["Ctrl 0"], does: "Show all accounts" },
  { keys: ["Ctrl Shift A"], does: "List of accounts" },
  { keys: ["Alt ↑", "Alt ↓"], does: "Move an account or group in the rail" },
  { keys: ["["], does: "Show or hide the mailboxes" },
  { keys: ["F5"], does: "Look for new mail" },
  { keys: ["F6", "Shift F6"], does: "Next or previous part of the window" },
  { keys: ["?"], does: "Show these keys" },
];

/** Moves a tile of the rail and says where it is now. */
import { movedBy, placedAt } from "../stores/order.ts";
import type { Stores } from "../stores/stores.ts";
import { number } from "../words.ts";

/** Accounts and groups have an order each; a tile never leaves its own kind. */
export interface Tile {
  readonly kind: "account" | "group";
  readonly id: string;
}

type Needs = Pick<Stores, "accounts" | "notices">;

function idsOf({ accounts }: Needs, kind: Tile["kind"]): string[] {
  return (kind === "account" ? accounts.list : accounts.groups).map(({ id }) => id);
}

async function setOrder(stores: Needs, tile: Tile, next: readonly string[]): Promise<void> {
  const { accounts, notices } = stores;
  const name = (tile.kind === "account" ? accounts.get(tile.id) : accounts.group(tile.id))?.name;
  const place = `${name ?? ""}, ${number(next.indexOf(tile.id) + 1)} of ${number(next.length)}`;
  if (next.join() === idsOf(stores, tile.kind).join()) {
    notices.announce(place);
    return;
  }
  const order = tile.kind === "account" ? next : idsOf(stores, "account");
  const groups = tile.kind === "group" ? next : idsOf(stores, "group");
  await notices.run(accounts.reorder(order, groups), place);
}

/** By keys or from the menu. */
export function moveTile(stores: Needs, tile: Tile, by: 1 | -1): Promise<void> {
  return setOrder(stores, tile, movedBy(idsOf(stores, tile.kind), tile.id, by));
}

/** By dragging: the place is counted among the other tiles of its kind. */
export function placeTile(stores: Needs, tile: Tile, place: number): Promise<void> {
  return setOrder(stores, tile, placedAt(idsOf(stores, tile.kind), tile.id, place));
}

/** Whether there is somewhere to go. */
export function canMove(stores: Needs, tile: Tile, by: 1 | -1): boolean {
  const ids = idsOf(stores, tile.kind);
  const at = ids.indexOf(tile.id);
  return at >= 0 && at + by >= 0 && at + by < ids.length;
}

// Pieces: the value of a long entry where no run is free for it. Owns E_PIECES, and the pages that it counts: each a whole Block of the cache's, whose
// address stands behind the entry's key, where a short value would.
//
//   entry   header │ key │ address, address, …          Σ of E_PIECES pages, the last one filled in part, is the value
//
// What E_PIECES counts is the entry's; a page on its way there or back is named by K_PAGE. Who dies on the way leaves an entry with fewer, in a
// user's hand or in limbo, and whoever frees that goes on.

import { copy, get32, put32 } from "./memory";
import { displaced, freeSlot, givePageBack, lengthAt, placed, takePage } from "./cachepage";
import { add32, begin, end, set32 } from "./undo";
import { E_KEY, E_PIECES, E_TEXT, KEY_LENGTH_MASK, K_BYTES, K_SLOTS, PAGE_BYTES } from "./shared/caches";

const PAGE_SHIFT: u32 = 12;

/** Distance of an entry's value, or of the addresses of its pieces, from its beginning. */
export function valueAt(key: u32): usize {
  return E_TEXT + (((key & KEY_LENGTH_MASK) + 7) & ~7);
}

/** How many pieces a value of `bytes` bytes has if it is in pieces. */
export function piecesFor(bytes: u32): u32 {
  return (bytes >>> PAGE_SHIFT) + ((bytes & (PAGE_BYTES - 1)) != 0 ? 1 : 0);
}

/** Bytes of an entry with the key `key` whose value has `count` pieces, without those. */
export function headBytes(key: u32, count: u32): u32 {
  return <u32>valueAt(key) + (count << 2);
}

/** Bytes that the entry at `e` takes, its pieces included. */
export function bytesAt(e: usize): u32 {
  return lengthAt(e) + get32(e + E_PIECES) * PAGE_BYTES;
}

/** Where the addresses of its pieces stand. */
export function piecesAt(e: usize): usize {
  return e + valueAt(get32(e + E_KEY));
}

/** Adds a piece to the entry at `e`, which is in its user's hand; false: the limit, the budget or the region has no page for it. */
export function addPiece(cache: usize, e: usize): bool {
  const page = takePage(cache, PAGE_BYTES);
  if (page == 0) return false;
  const count = get32(e + E_PIECES);
  put32(piecesAt(e) + ((<usize>count) << 2), <u32>page);
  begin(cache);
  placed(cache, PAGE_BYTES);
  setPieces(cache, e, count + 1, PAGE_BYTES);
  end();
  return true;
}

/** Gives back all pieces of the entry at `e`, which is in limbo or in its user's hand; in a change for each. O(pieces). */
export function dropPieces(cache: usize, e: usize): void {
  for (let count = get32(e + E_PIECES); count != 0; count--) {
    begin(cache);
    displaced(cache, <usize>get32(piecesAt(e) + ((<usize>(count - 1)) << 2)), PAGE_BYTES);
    setPieces(cache, e, count - 1, -PAGE_BYTES);
    end();
    givePageBack(cache);
  }
}

function setPieces(cache: usize, e: usize, count: u32, bytes: u32): void {
  set32(e + E_PIECES, count);
  add32(cache + K_SLOTS, bytes);
  add32(cache + K_BYTES, bytes);
}

/** Gives back the entry that a user has in hand, as the word at `naming` (U_RESERVED) says. O(pieces). */
export function giveEntryBack(cache: usize, naming: usize): void {
  freeEntry(cache, <usize>get32(naming), naming, 0);
}

/** Frees the entry at `e`: its pieces, then its slot; from then on the word at `naming`, which named it, says `next`. O(pieces). */
export function freeEntry(cache: usize, e: usize, naming: usize, next: u32): void {
  dropPieces(cache, e);
  begin(cache);
  set32(naming, next);
  freeSlot(cache, e);
  end();
  givePageBack(cache);
}

/** Writes the `bytes` bytes at `from` as the value of the entry at `e`, in pieces or not. */
export function writeValue(e: usize, from: usize, bytes: u32): void {
  const count = get32(e + E_PIECES);
  const at = piecesAt(e);
  if (count == 0) copy(at, from, bytes);
  for (let i: u32 = 0; i < count; i++) {
    const done = i << PAGE_SHIFT;
    copy(<usize>get32(at + ((<usize>i) << 2)), from + done, min(bytes - done, PAGE_BYTES));
  }
}

// Cache gone: what a thread tells others of an entry that it evicted, as the bytes of a record. A text is its UTF-16, so that every text comes back as it was.
//
// 0        1      4         8
// ├ what ──┼──────┼ length ─┼ key … ┤     what: expired | kind of key << 1; length: of its value

import type { CacheKey } from "./cachekeys.js";

/** What is told of one entry. */
export interface GoneNote {
  readonly key: CacheKey;
  /** Length of its value. */
  readonly bytes: number;
  readonly isExpired: boolean;
}

const HEADER = 8;
const TEXT = 0;
const NUMBER = 1;
const BYTES = 2;

export function writeGone({ key, bytes, isExpired }: GoneNote): Uint8Array {
  const kind = typeof key === "string" ? TEXT : typeof key === "number" ? NUMBER : BYTES;
  const length = typeof key === "string" ? key.length * 2 : typeof key === "number" ? 8 : key.length;
  const record = new Uint8Array(HEADER + length);
  const view = new DataView(record.buffer);
  view.setUint8(0, +isExpired | (kind << 1));
  view.setUint32(4, bytes, true);
  if (typeof key === "number") view.setFloat64(HEADER, key, true);
  else if (typeof key !== "string") record.set(key, HEADER);
  else for (let i = 0; i < key.length; i++) view.setUint16(HEADER + 2 * i, key.charCodeAt(i), true);
  return record;
}

export function readGone(record: Uint8Array): GoneNote {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const what = view.getUint8(0);
  return { key: keyIn(what >>> 1, record, view), bytes: view.getUint32(4, true), isExpired: (what & 1) !== 0 };
}

function keyIn(kind: number, record: Uint8Array, view: DataView): CacheKey {
  if (kind === BYTES) return record.slice(HEADER);
  if (kind === NUMBER) return view.getFloat64(HEADER, true);
  let text = "";
  for (let at = HEADER; at < record.length; at += 2) text += String.fromCharCode(view.getUint16(at, true));
  return text;
}

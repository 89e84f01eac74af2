// Names: texts that threads share by number: the names of budgets and the tags of reservations. Owns the pool of names. A name is written
// once and stays; it counts as there by the store that raises its chunk's count. All under the budgets' latch; a caller that dies in it
// leaves at most bytes that the next name writes over.

import { get32, put32, get8, copy } from "./memory";
import { addChunk } from "./chunk";
import { chunkEnd, newestChunk, nextChunk } from "./pool";
import { lockBudgets, refuseCharge } from "./budget";
import { unlockBudgets } from "./leaving";
import { slot } from "./owners";
import {
  CHUNK_COUNT,
  CHUNK_HEADER,
  GRAIN_SHIFT,
  H_NAMES,
  NAME_BYTES,
  NAME_CHUNK_GRAINS,
  N_LENGTH,
  N_TEXT,
  S_OUT,
} from "./shared/layout";
import { NAME_BYTES_MAX } from "./shared/limits";
import { OK } from "./shared/status";

/** The number of the text of `length` bytes in S_OUT; 0: S_REASON says why there is none. O(names), once a text and thread. */
export function intern(length: u32): usize {
  if (length == 0 || length > <u32>NAME_BYTES_MAX) return 0;
  while (true) {
    let status = lockBudgets();
    if (status == OK) {
      let name = find(length);
      if (name == 0) name = append(length);
      unlockBudgets();
      if (name != 0) return name;
      status = addChunk(H_NAMES, NAME_CHUNK_GRAINS, NAME_BYTES, 0);
    }
    if (status == OK) continue;
    refuseCharge(status);
    return 0;
  }
  return 0;
}

function find(length: u32): usize {
  for (let chunk = newestChunk(H_NAMES); chunk != 0; chunk = nextChunk(chunk)) {
    const end = chunkEnd(chunk, NAME_BYTES);
    for (let name = chunk + CHUNK_HEADER; name < end; name += NAME_BYTES) {
      if (get32(name + N_LENGTH) == length && isSame(name + N_TEXT, slot + S_OUT, length)) return name;
    }
  }
  return 0;
}

function isSame(one: usize, two: usize, length: u32): bool {
  for (let i: usize = 0; i < <usize>length; i++) if (get8(one + i) != get8(two + i)) return false;
  return true;
}

/** Writes the text behind the last name of the newest chunk; 0: there is no room. */
function append(length: u32): usize {
  const chunk = newestChunk(H_NAMES);
  if (chunk == 0) return 0;
  const name = chunkEnd(chunk, NAME_BYTES);
  if (name + NAME_BYTES > chunk + (NAME_CHUNK_GRAINS << GRAIN_SHIFT)) return 0;
  put32(name + N_LENGTH, length);
  copy(name + N_TEXT, slot + S_OUT, length);
  put32(chunk + CHUNK_COUNT, get32(chunk + CHUNK_COUNT) + 1); // commit
  return name;
}

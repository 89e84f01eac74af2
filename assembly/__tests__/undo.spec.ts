// Undo: a change of many words is made whole or not at all, wherever it is cut, and however often it is written back.

import { get32, get64, put32, put64 } from "../memory";
import { add32, begin, end, keep, rollBack, set32, setFloat } from "../undo";
import { CACHE_CONTROL_BYTES, K_LOG } from "../shared/caches";
import { same } from "./lib";

const CACHE: usize = heap.alloc(CACHE_CONTROL_BYTES);
const WORDS: usize = heap.alloc(64);

function clean(): void {
  memory.fill(CACHE, 0, CACHE_CONTROL_BYTES);
  for (let i: usize = 0; i < 16; i++) put32(WORDS + (i << 2), 100 + <u32>i);
}

function isAsBefore(what: string): void {
  for (let i: usize = 0; i < 16; i++) same(get32(WORDS + (i << 2)), 100 + i, what, i);
  same(get64(CACHE + K_LOG), 0, "log, " + what, 0);
}

function change(): void {
  begin(CACHE);
  set32(WORDS, 1);
  add32(WORDS + 4, 7);
  set32(WORDS, 2);
  setFloat(WORDS + 8, 0.5);
  set32(WORDS, 3);
}

describe("the undo log", () => {
  it("keeps what was changed once the change has ended", () => {
    clean();
    change();
    same(get32(CACHE + K_LOG + 5 * 8), <u32>WORDS, "the last word in it", 0);
    same(get64(CACHE + K_LOG + 6 * 8), 0, "its end", 0);
    end();
    rollBack(CACHE);
    same(get32(WORDS), 3, "the last", 0);
    same(get32(WORDS + 4), 108, "added to", 0);
    same(get64(WORDS + 8), reinterpret<u64>(<f64>0.5), "a float", 0);
  });

  it("writes everything back, a word that changed often to what it was first", () => {
    clean();
    change();
    rollBack(CACHE);
    isAsBefore("written back");
    rollBack(CACHE);
    isAsBefore("and again");
  });

  it("writes back whatever of the change was done, also where writing back was cut", () => {
    for (let done: u32 = 0; done <= 6; done++) {
      for (let cut: u32 = 0; cut <= done; cut++) {
        clean();
        change();
        // As if the holder had died before its later words were written: those are in the log, or not even there.
        for (let i: u32 = 6; i > done; i--) undo(i - 1);
        put64(CACHE + K_LOG + ((<usize>done) << 3), 0);
        for (let i = done; i > cut; i--) undo(i - 1);
        rollBack(CACHE);
        isAsBefore("cut");
      }
    }
  });

  it("ends where this change does, whatever stands behind it of those before", () => {
    clean();
    change();
    end();
    begin(CACHE);
    set32(WORDS + 16, 1);
    rollBack(CACHE);
    same(get32(WORDS + 16), 104, "written back", 0);
    same(get32(WORDS), 3, "what was changed before", 0);
  });

  it("has the entry before the word changes", () => {
    clean();
    begin(CACHE);
    set32(WORDS, 1);
    same(get64(CACHE + K_LOG), ((<u64>100) << 32) | WORDS, "entry", 0);
    keep(CACHE);
    rollBack(CACHE);
    same(get32(WORDS), 1, "kept", 0);
  });
});

function undo(i: u32): void {
  const entry = get64(CACHE + K_LOG + ((<usize>i) << 3));
  put32(<usize>(<u32>entry), <u32>(entry >> 32));
}

// Atomic: what each named operation leaves behind, and, with a second thread at work, that none of its steps is lost.

import { and64, cas32, cas64, load32, load64, notify, or64, store32, store64, wait32 } from "../atomic";
import { join, put, spawn } from "./host";
import { is, same } from "./lib";

const AT: usize = 65536;
const ROUNDS: i32 = 20000;

describe("loads and stores", () => {
  it("keep 32 and 64 bits", () => {
    store64(AT, 0xfedcba9876543210);
    same(load64(AT), 0xfedcba9876543210, "64 bits", 0);
    same(load32(AT), 0x76543210, "low half", 0);
    store32(AT + 4, 1);
    same(load64(AT), 0x0000000176543210, "high half replaced", 0);
  });
});

describe("compare-and-swap", () => {
  it("changes a word of 32 bits only when it holds what was expected", () => {
    store64(AT, 0xffffffff00000007);
    is(cas32(AT, 8, 9), false, "with a wrong expectation", 0);
    same(load32(AT), 7, "untouched", 0);
    is(cas32(AT, 7, 9), true, "with the right one", 0);
    same(load64(AT), 0xffffffff00000009, "swapped alone", 0);
  });

  it("compares all 64 bits, each of them", () => {
    for (let bit: u64 = 0; bit < 64; bit++) {
      store64(AT, 0x1234567890abcdef);
      is(cas64(AT, 0x1234567890abcdef ^ ((<u64>1) << bit), 0), false, "with one bit wrong", bit);
      same(load64(AT), 0x1234567890abcdef, "untouched, bit", bit);
    }
    is(cas64(AT, 0x1234567890abcdef, 5), true, "with the right one", 0);
    same(load64(AT), 5, "swapped", 0);
  });

  it("loses no addition when two threads add to one word", () => {
    store32(AT, 0);
    spawn(AT, ROUNDS);
    for (let i = 0; i < ROUNDS; i++) {
      let seen = load32(AT);
      while (!cas32(AT, seen, seen + 1)) seen = load32(AT);
    }
    join();
    same(load32(AT), 2 * ROUNDS, "sum", 0);
  });
});

describe("or and and", () => {
  it("set and clear exactly the given bits", () => {
    for (let bit: u64 = 0; bit < 64; bit++) {
      store64(AT, 0);
      or64(AT, (<u64>1) << bit);
      same(load64(AT), (<u64>1) << bit, "bit set", bit);
      store64(AT, <u64>-1);
      and64(AT, ~((<u64>1) << bit));
      same(load64(AT), ~((<u64>1) << bit), "bit cleared", bit);
    }
  });

  it("lose nothing that another thread adds to the other half of the word", () => {
    store64(AT, 0);
    spawn(AT, ROUNDS);
    for (let i = 0; i < ROUNDS; i++) {
      or64(AT, (<u64>1) << (32 + (i & 31)));
      and64(AT, ~((<u64>1) << (32 + (i & 31))));
    }
    join();
    same(load64(AT), ROUNDS, "the other thread's sum", 0);
  });
});

describe("wait32", () => {
  it("returns at once when the word holds something else, and after its time when it does not change", () => {
    store32(AT, 1);
    wait32(AT, 0, -1);
    wait32(AT, 1, 1000);
    same(load32(AT), 1, "word", 0);
  });

  it("needs nobody that wakes it, and waking nobody changes nothing", () => {
    store32(AT, 1);
    notify(AT);
    same(load32(AT), 1, "word", 0);
  });

  it("ends when another thread changes the word and wakes it", () => {
    store32(AT, 1);
    put(AT, 2);
    wait32(AT, 1, -1);
    join();
    same(load32(AT), 2, "word", 0);
  });
});

// Names as UTF-8, in Node and in a page. Goal: where a host has neither TextEncoder nor TextDecoder (an AudioWorklet), a name is the same bytes, or
// threads would not find each other's rings and budgets. Method: texts of every kind, with and without the host's own.
import { afterEach, expect, it, vi } from "vitest";
import { fromUtf8, toUtf8 } from "../bindings/utf8.js";
import { Region } from "../src/index.js";
import { MIB } from "./lib/regions.js";

const TEXTS = [
  "a",
  "50% of 'x'",
  "é ß 水",
  "🎈🎈",
  "\ufeffbom",
  "half \ud83c",
  "\udf88 half",
  "\ud83c\ud83c\udf88",
  "\u0000\n",
];

afterEach(() => {
  vi.unstubAllGlobals();
});

it.each(TEXTS)("of %j is the same with and without the host's coders", (text) => {
  const bytes = toUtf8(text);
  const back = fromUtf8(bytes);
  vi.stubGlobal("TextEncoder", undefined);
  vi.stubGlobal("TextDecoder", undefined);
  expect([...toUtf8(text)]).toEqual([...bytes]);
  expect(fromUtf8(bytes)).toBe(back);
});

it("finds a ring by its name without them", () => {
  const r = Region.createSync({ size: MIB });
  r.ring("höher").push(Uint8Array.of(7));
  const bare = Region.attachSync(r.handle());
  vi.stubGlobal("TextEncoder", undefined);
  vi.stubGlobal("TextDecoder", undefined);
  expect(bare.ring("höher").pop()).toEqual(Uint8Array.of(7));
});

// Sizes as text. Goal: every spelling in the documentation, nothing else, exact to the byte. Method: tables, and a round trip.
import { describe, expect, it } from "vitest";
import { formatSize, parseSize } from "../src/index.js";
import { random } from "./lib/random.js";

describe("parseSize", () => {
  it.each([
    [0, 0],
    [4096, 4096],
    [1.9, 1],
    ["0", 0],
    ["4096", 4096],
    ["4096b", 4096],
    ["4096 B", 4096],
    ["64MiB", 64 * 2 ** 20],
    ["64 mib", 64 * 2 ** 20],
    ["64Mi", 64 * 2 ** 20],
    ["64m", 64 * 2 ** 20],
    ["512MB", 512 * 2 ** 20],
    ["1KB", 1024],
    ["1k", 1024],
    ["1.5g", 1.5 * 2 ** 30],
    ["2TiB", 2 * 2 ** 40],
    ["1pb", 2 ** 50],
    ["0.5KiB", 512],
    ["1.0009765625 k", 1025],
    ["  7 KiB  ", 7168],
    ["0.3b", 0],
  ])("reads %j as %i bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it("takes a percentage of the whole it is given", () => {
    expect(parseSize("25%", 1000)).toBe(250);
    expect(parseSize("12.5 %", 1000)).toBe(125);
    expect(parseSize("100%", 2 ** 40)).toBe(2 ** 40);
    expect(parseSize("0%", 1000)).toBe(0);
    expect(parseSize("33%", 10)).toBe(3);
    expect(() => parseSize("25%")).toThrow(TypeError);
  });

  it.each([
    [""],
    [" "],
    ["lots"],
    ["MiB"],
    ["64 MiBs"],
    ["64MM"],
    ["-1"],
    ["-1MiB"],
    ["+1"],
    ["1e3"],
    ["0x10"],
    ["1_000"],
    ["1,5k"],
    [".5k"],
    ["5."],
    ["1 2"],
    ["%"],
    ["-5%"],
    ["NaN"],
    ["Infinity"],
    ["64MiB\n64"],
    ["64ZiB"],
  ])("refuses the text %j with a TypeError", (text) => {
    expect(() => parseSize(text, 1000)).toThrow(TypeError);
  });

  it.each([[-1], [-0.5], [Infinity], [-Infinity], [2 ** 53], ["99999999999999999999"], ["9999999PB"]])(
    "refuses %j with a RangeError",
    (size) => {
      expect(() => parseSize(size)).toThrow(RangeError);
    },
  );

  it("refuses NaN and other types with a TypeError, and converts nothing", () => {
    for (const size of [
      Number.NaN,
      undefined,
      null,
      true,
      5n,
      {},
      [5],
      { valueOf: () => 5 },
      new String("5"),
      Symbol("5"),
    ]) {
      expect(() => parseSize(size as unknown as number)).toThrow(TypeError);
    }
  });
});

describe("formatSize", () => {
  it.each([
    [0, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [67_108_864, "64 MiB"],
    [2 ** 30, "1 GiB"],
    [1.5 * 2 ** 40, "1.5 TiB"],
    [2 ** 50, "1 PiB"],
    [-2048, "-2 KiB"],
  ])("writes %d as %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  it("refuses what is no finite number", () => {
    for (const bytes of [Number.NaN, Infinity, "5", undefined, null, 5n, {}]) {
      expect(() => formatSize(bytes as number)).toThrow(TypeError);
    }
  });

  it("writes what parseSize reads back to within its two decimals", () => {
    const by = random(20_260_105);
    for (let i = 0; i < 2000; i++) {
      const bytes = by.size(1, 2 ** 50);
      const text = formatSize(bytes);
      expect(text).toMatch(/^\d+(\.\d{1,2})? ([KMGTP]i)?B$/);
      expect(Math.abs(parseSize(text) - bytes) / bytes).toBeLessThanOrEqual(0.005);
    }
  });
});

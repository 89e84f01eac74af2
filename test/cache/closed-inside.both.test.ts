// A cache that is closed by code that runs in the middle of one of its calls: the clock, what options, keys and values say of themselves, a policy.
// Goal: the call ends with CacheClosedError or with what it had found, and nothing of the region is read or written that is another's by then.
// Method: the last user closes it in there and fills what the cache had with bytes of its own, which are looked at afterwards.
import { describe, expect, it } from "vitest";
import { CacheClosedError, type Cache, Region } from "../../src/index.js";
import { expectSound } from "../lib/regions.js";
import { bytes, KIB, MIB } from "./scene.js";

const MARK = 0x41;

function scene(options: object) {
  const region = Region.createSync({ size: MIB });
  const filled: number[] = [];
  let cache: Cache;
  const close = (): void => {
    if (filled.length > 0) return;
    cache.close();
    for (let at = region.heap.alloc(KIB); at !== 0; at = region.heap.alloc(KIB)) {
      region.heap.u8.fill(MARK, at, at + KIB);
      filled.push(at);
    }
  };
  let isArmed = false;
  const now = (): number => {
    if (isArmed) close();
    return 1000;
  };
  cache = region.cache("c", { maxBytes: 256 * KIB, now, ...options });
  for (let i = 0; i < 20; i++) cache.set(`k${i}`, bytes(100), { priority: 40 });
  const expectUntouched = (): void => {
    expect(filled.length).toBeGreaterThan(0);
    for (const at of filled) expect(region.heap.u8.subarray(at, at + KIB).every((byte) => byte === MARK)).toBe(true);
    for (const at of filled) region.heap.free(at);
    expectSound(region, 0);
  };
  return { cache, close, arm: () => (isArmed = true), expectUntouched };
}

/** Says this of itself, once the cache is closed. */
const closing = <T extends object>(target: T, close: () => void, names: readonly PropertyKey[]): T => {
  for (const name of names) {
    const value: unknown = Reflect.get(target, name);
    Object.defineProperty(target, name, {
      get() {
        close();
        return value;
      },
    });
  }
  return target;
};

const CALLS: Record<string, (cache: Cache) => unknown> = {
  set: (cache) => cache.set("new", bytes(50)),
  "set, long": (cache) => cache.set("new", bytes(9000)),
  "set, in time": (cache) => cache.set("new", bytes(50), { ttl: 5 }),
  get: (cache) => cache.get("k1"),
  getInto: (cache) => cache.getInto("k1", new Uint8Array(100)),
  has: (cache) => cache.has("k1"),
  peek: (cache) => cache.peek("k1"),
  pin: (cache) => cache.pin("k1"),
  evict: (cache) => cache.evict(5000),
  candidates: (cache) => cache.candidates(),
};

describe.each(Object.keys(CALLS))("closed by its clock in %s", (name) => {
  it("is refused, or had its answer; nothing is another's", () => {
    const { cache, arm, expectUntouched } = scene({ ttl: 100_000 });
    arm();
    try {
      const answer = CALLS[name]!(cache);
      if (answer instanceof Uint8Array) expect(answer).toEqual(bytes(100));
    } catch (error) {
      expect(error).toBeInstanceOf(CacheClosedError);
    }
    expectUntouched();
  });
});

describe("closed by what is given to it", () => {
  it.each(["length", "byteLength"] as const)("a key that says its %s", (name) => {
    for (const call of [
      (cache: Cache, key: Uint8Array) => cache.set(key, bytes(9)),
      (cache: Cache, key: Uint8Array) => cache.get(key),
    ]) {
      const { cache, close, expectUntouched } = scene({});
      expect(() => call(cache, closing(bytes(300), close, [name]))).not.toThrow(WebAssembly.RuntimeError);
      close();
      expectUntouched();
    }
  });

  it.each([50, 9000])("a value of %d bytes that says its length", (length) => {
    const { cache, close, expectUntouched } = scene({});
    expect(() => cache.set("new", closing(bytes(length), close, ["length"]))).toThrow(CacheClosedError);
    expectUntouched();
  });

  it("options, of set, of a policy and of subscribe", () => {
    const calls: ((cache: Cache, close: () => void) => unknown)[] = [
      (cache, close) => cache.set("new", bytes(9), closing({ priority: 50 }, close, ["priority"])),
      (cache, close) => cache.setLimits(closing({ maxItems: 5 }, close, ["maxItems"])),
      (cache, close) => cache.subscribe(() => {}, closing({ signal: new AbortController().signal }, close, ["signal"])),
    ];
    for (const call of calls) {
      const { cache, close, expectUntouched } = scene({});
      try {
        call(cache, close);
      } catch (error) {
        expect(error).toBeInstanceOf(CacheClosedError);
      }
      expectUntouched();
    }
  });
});

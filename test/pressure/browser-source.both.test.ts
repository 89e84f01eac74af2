// The page source. Goal: a slow, asynchronous number used as what it is: asked for seldom, never waited for, never trusted when old.
// Method: pages of a test's own, with a clock turned by hand; in the browser run, once the page as it is.
import { describe, expect, it } from "vitest";
import { browserSource, type PageHost } from "../../src/pressure/index.js";
import { gaugeOn } from "./feed.js";

interface Page {
  host: PageHost;
  now: number;
  asked: number;
  /** Answers the question that is open. */
  answer(bytes: number | Error): Promise<void>;
}

function page(memory?: { usedJSHeapSize: number; jsHeapSizeLimit: number }, isolated = true): Page {
  let open: { resolve: (result: { bytes: number }) => void; reject: (error: Error) => void } | undefined;
  const self: Page = {
    now: 0,
    asked: 0,
    async answer(bytes) {
      if (bytes instanceof Error) open!.reject(bytes);
      else open!.resolve({ bytes });
      for (let i = 0; i < 5; i++) await Promise.resolve();
    },
    host: {
      crossOriginIsolated: isolated,
      performance: {
        now: () => self.now,
        ...(memory ? { memory } : {}),
        measureUserAgentSpecificMemory() {
          self.asked++;
          return new Promise((resolve, reject) => (open = { resolve, reject }));
        },
      },
    },
  };
  return self;
}

const HEAP = { usedJSHeapSize: 30, jsHeapSizeLimit: 100 };

describe("the page source", () => {
  it("answers the coarse number until the exact one is there", async () => {
    const of = page(HEAP);
    const source = browserSource({ host: of.host });
    expect(source.read()).toEqual({ used: 30, limit: 100 });
    await of.answer(55);
    expect(source.read()).toEqual({ used: 55, limit: 100 });
  });

  it("asks once a period, and not again while it is being answered", async () => {
    const of = page(HEAP);
    const source = browserSource({ host: of.host, everyMs: 1000 });
    for (let i = 0; i < 10; i++) source.read();
    of.now = 5000;
    source.read();
    expect(of.asked).toBe(1);
    await of.answer(55);
    source.read();
    expect(of.asked).toBe(2);
    await of.answer(56);
    of.now = 5999;
    source.read();
    expect(of.asked).toBe(2);
    of.now = 6000;
    source.read();
    expect(of.asked).toBe(3);
  });

  it("D33: does not trust an exact number that no other followed for three periods", async () => {
    const of = page();
    const source = browserSource({ host: of.host, everyMs: 1000, limit: "1KiB" });
    source.read();
    await of.answer(55);
    of.now = 3000;
    expect(source.read()).toEqual({ used: 55, limit: 1024 });
    of.now = 3001;
    expect(source.read()).toBeNull();
    const { gauge } = gaugeOn({ sources: [source] });
    gauge.sample();
    expect(gauge.stale).toBe(true);
  });

  it("goes on with what it has when the page may not ask", async () => {
    const of = page(HEAP);
    const source = browserSource({ host: of.host });
    source.read();
    await of.answer(new Error("SecurityError"));
    expect(source.read()).toEqual({ used: 30, limit: 100 });
    const alone = page(HEAP, false);
    expect(browserSource({ host: alone.host }).read()).toEqual({ used: 30, limit: 100 });
    expect(alone.asked).toBe(0);
  });

  it("has no reading where a browser tells nothing, only the use, or after close", () => {
    expect(browserSource({ host: {} }).read()).toBeNull();
    expect(browserSource({ host: { performance: { now: () => 0 } }, limit: 5 }).read()).toBeNull();
    const of = page(HEAP);
    const source = browserSource({ host: of.host });
    source.close!();
    expect([source.read(), of.asked]).toEqual([null, 0]);
  });

  it("refuses options that are none", () => {
    expect(() => browserSource({ everyMs: 10 })).toThrow(/1000 or more, got 10/);
    expect(() => browserSource({ everyMs: "1s" as unknown as number })).toThrow(TypeError);
    expect(() => browserSource({ limit: "lots" })).toThrow(TypeError);
    expect(() => browserSource({ every: 5 } as object)).toThrow(/"every"/);
  });

  it("throws nothing here, whatever here is", () => {
    const reading = browserSource().read();
    if (reading !== null) expect(reading.used).toBeLessThanOrEqual(reading.limit);
  });
});

// Events: one ordered sequence of changes, nothing skipped or twice, and no listener harms another or the caller. Method: listeners that
// free, take, throw, add and remove. Random programs of them are in events.fuzz.test.ts.
import { describe, expect, it, vi } from "vitest";
import { PressureEvent, PressureEvents, type PressureListener } from "../../src/pressure/index.js";
import { gaugeOn, LITERAL, steps } from "./feed.js";

describe("a change of level", () => {
  it("is an Event with where from, where to, the pressure, the source and the time", () => {
    const { gauge, events, step } = gaugeOn();
    step(96);
    const [event] = events;
    expect(event).toBeInstanceOf(Event);
    expect(event).toBeInstanceOf(PressureEvent);
    expect(event).toMatchObject({
      type: "level",
      from: "none",
      to: "high",
      pressure: 0.96,
      source: "budget",
      at: 1000,
    });
    expect(event!.target).toBe(gauge);
    expect(gauge).toBeInstanceOf(EventTarget);
    expect(gauge).toBeInstanceOf(PressureEvents);
  });

  it("is told once, when it happens, and not again while the level stays", () => {
    const { events, step } = gaugeOn();
    for (const used of [96, 97, 96, 97, 94, 97]) step(used);
    expect(steps(events)).toEqual(["none>high"]);
  });

  it("has happened when it is told", () => {
    const { gauge, step } = gaugeOn();
    const seen: string[] = [];
    gauge.on("level", () => seen.push(gauge.level));
    step(99);
    expect(seen).toEqual(["critical"]);
  });
});

describe("listening", () => {
  it("ends with the function that comes back, as often as it is called", () => {
    const { gauge, step } = gaugeOn({ ...LITERAL });
    const heard = vi.fn();
    const stop = gauge.on("level", heard);
    step(99);
    stop();
    stop();
    step(0);
    expect(heard).toHaveBeenCalledTimes(1);
  });

  it("ends with its signal; one that has ended hears nothing", () => {
    const { gauge, step } = gaugeOn({ ...LITERAL });
    const controller = new AbortController();
    const [heard, late] = [vi.fn(), vi.fn()];
    gauge.on("level", heard, { signal: controller.signal });
    step(99);
    controller.abort();
    gauge.on("level", late, { signal: controller.signal });
    step(0);
    expect([heard.mock.calls.length, late.mock.calls.length]).toEqual([1, 0]);
  });

  it("twice with one function is heard twice, and each ends by itself", () => {
    const { gauge, step } = gaugeOn({ ...LITERAL });
    const heard = vi.fn();
    const stop = gauge.on("level", heard);
    gauge.on("level", heard);
    step(99);
    expect(heard).toHaveBeenCalledTimes(2);
    stop();
    step(0);
    expect(heard).toHaveBeenCalledTimes(3);
  });

  it("works as on any EventTarget: objects, once, signals, doubles, removal", () => {
    const { gauge, step } = gaugeOn({ ...LITERAL });
    const [plain, once, signalled, removed] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
    const object = {
      seen: [] as unknown[],
      handleEvent(event: PressureEvent) {
        this.seen.push(event.to);
      },
    };
    const controller = new AbortController();
    gauge.addEventListener("level", plain);
    gauge.addEventListener("level", plain);
    gauge.addEventListener("level", object);
    gauge.addEventListener("level", once, { once: true });
    gauge.addEventListener("level", signalled, { signal: controller.signal });
    gauge.addEventListener("level", removed, true);
    gauge.removeEventListener("level", removed);
    gauge.removeEventListener("level", removed, true);
    step(99);
    controller.abort();
    step(0);
    expect([plain, once, signalled, removed].map(({ mock }) => mock.calls.length)).toEqual([2, 1, 1, 0]);
    expect(object.seen).toEqual(["critical", "none"]);
    gauge.removeEventListener("level", object);
    gauge.removeEventListener("level", plain);
    gauge.addEventListener("level", null);
    expect(() => gauge.addEventListener("level", 5 as unknown as null)).toThrow(TypeError);
    step(99);
    expect([object.seen.length, plain.mock.calls.length]).toEqual([2, 2]);
  });

  it("calls a function with the gauge as `this`", () => {
    const { gauge, step } = gaugeOn();
    const heard = vi.fn();
    gauge.addEventListener("level", heard);
    step(99);
    expect(heard.mock.contexts).toEqual([gauge]);
  });

  it("refuses other events, what is no function, and options that are none", () => {
    const { gauge } = gaugeOn();
    const heard = (): void => {};
    expect(() => gauge.on("levels" as "level", heard)).toThrow(/"levels"; there is "level"/);
    expect(() => gauge.on("level", {} as PressureListener)).toThrow(TypeError);
    expect(() => gauge.on("level", heard, { once: true } as object)).toThrow(/"once"/);
    expect(() => gauge.on("level", heard, { signal: {} as AbortSignal })).toThrow(TypeError);
  });
});

describe("D37: a listener", () => {
  it("that throws is reported; the others hear of it and the caller goes on", () => {
    const onError = vi.fn();
    const { gauge, step } = gaugeOn({ onError });
    const after = vi.fn();
    gauge.on("level", () => {
      throw new Error("mine");
    });
    gauge.addEventListener("level", {
      handleEvent() {
        throw new Error("object's");
      },
    });
    gauge.on("level", after);
    expect(step(99)).toBe("critical");
    expect(onError.mock.calls.map(([error]) => (error as Error).message)).toEqual(["mine", "object's"]);
    expect(after).toHaveBeenCalledTimes(1);
    expect(gauge.observe(0.99, "budget")).toBe("critical");
  });

  it("that is slow by being async is not waited for, and its error is reported", async () => {
    const onError = vi.fn();
    const { gauge, step } = gaugeOn({ onError });
    const after = vi.fn();
    gauge.on("level", async () => {
      await Promise.resolve();
      throw new Error("late");
    });
    gauge.on("level", after);
    step(99);
    expect([after.mock.calls.length, onError.mock.calls.length]).toEqual([1, 0]);
    await vi.waitFor(() => expect(onError).toHaveBeenCalledWith(new Error("late")));
  });

  it("that ends itself, or others, leaves the rest in place", () => {
    const { gauge, step } = gaugeOn({ ...LITERAL });
    const heard: string[] = [];
    const stopFirst = gauge.on("level", () => {
      heard.push("first");
      stopFirst();
      stopThird();
    });
    gauge.on("level", () => heard.push("second"));
    const stopThird = gauge.on("level", () => heard.push("third"));
    step(99);
    step(0);
    expect(heard).toEqual(["first", "second", "second"]);
  });

  it("that adds one: it hears the next change, not this one again", () => {
    const { gauge, step } = gaugeOn({ ...LITERAL });
    const added = vi.fn();
    gauge.on("level", () => {
      gauge.on("level", added);
    });
    step(99);
    expect(added).toHaveBeenCalledTimes(0);
    step(0);
    expect(added).toHaveBeenCalledTimes(1);
  });

  it("that renews itself at each change is called once a change, beside others", () => {
    const { gauge, step } = gaugeOn({ ...LITERAL });
    let [heard, stop] = [0, () => {}];
    const renew = (): void => {
      stop();
      stop = gauge.on("level", () => {
        heard++;
        renew();
      });
    };
    renew();
    gauge.on("level", () => {});
    for (let i = 1; i <= 5; i++) {
      step(i % 2 === 0 ? 0 : 99);
      expect(heard).toBe(i);
    }
  });

  it("leaves nothing behind on a signal that outlives it", () => {
    const { gauge } = gaugeOn();
    const { signal } = new AbortController();
    const [added, removed] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")];
    const stops = Array.from({ length: 5 }, () => gauge.on("level", () => {}, { signal }));
    expect(added).toHaveBeenCalledTimes(5);
    for (const stop of stops) stop();
    const listeners = (of: typeof added | typeof removed): unknown[] => of.mock.calls.map(([, listener]) => listener);
    expect(listeners(removed)).toEqual(listeners(added));
  });

  it("whose error handler throws too stops nobody", async () => {
    const reported = vi.fn();
    vi.stubGlobal("reportError", reported);
    try {
      const { gauge, step } = gaugeOn({
        onError: (error) => {
          throw error;
        },
      });
      const after = vi.fn();
      gauge.on("level", () => {
        throw new Error("mine");
      });
      gauge.on("level", after);
      expect(step(99)).toBe("critical");
      expect(after).toHaveBeenCalledTimes(1);
      await Promise.resolve();
      expect(reported).toHaveBeenCalledWith(new Error("mine"));
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("that throws is reported as an uncaught error unless an error handler is given", () => {
    const reported = vi.fn();
    vi.stubGlobal("reportError", reported);
    try {
      const { gauge, step } = gaugeOn();
      gauge.on("level", () => {
        throw new Error("nobody's");
      });
      step(99);
      expect(reported).toHaveBeenCalledWith(new Error("nobody's"));
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe("D38: a change inside a listener", () => {
  it("that frees memory is told to all after the one that caused it, in one order", () => {
    const { gauge, of, step } = gaugeOn({ ...LITERAL });
    const heard: string[] = [];
    gauge.on("level", ({ from, to }) => {
      heard.push(`first ${from}>${to}`);
      if (to !== "critical") return;
      of.used = 85;
      gauge.sample();
      heard.push(`first goes on at ${gauge.level}`);
    });
    gauge.on("level", ({ from, to }) => heard.push(`second ${from}>${to}`));
    expect(step(99)).toBe("moderate");
    expect(heard).toEqual([
      "first none>critical",
      "first goes on at moderate",
      "second none>critical",
      "first critical>moderate",
      "second critical>moderate",
    ]);
  });

  it("by several listeners, each deeper than the last, is told once for each change", () => {
    const { gauge, of, step } = gaugeOn({ ...LITERAL });
    const heard: string[][] = [[], [], []];
    for (const list of heard) {
      gauge.on("level", ({ from, to }) => {
        list.push(`${from}>${to}`);
        of.used = Math.max(0, of.used - 10);
        gauge.sample();
      });
    }
    step(99);
    expect(heard[0]!.length).toBeGreaterThan(2);
    expect(heard[1]).toEqual(heard[0]);
    expect(heard[2]).toEqual(heard[0]);
    expect(heard[0]!.at(-1)!.split(">")[1]).toBe(gauge.level);
    expect(new Set(heard[0]).size).toBe(heard[0]!.length);
  });

  it("that is pushed is told in order too", () => {
    const { gauge, events, step } = gaugeOn();
    gauge.on("level", ({ to }) => {
      if (to === "low") gauge.observe(0.99, "budget");
    });
    const late: string[] = [];
    gauge.on("level", ({ to }) => late.push(to));
    expect(step(60)).toBe("critical");
    expect(steps(events)).toEqual(["none>low", "low>critical"]);
    expect(late).toEqual(["low", "critical"]);
  });

  it("does not get lost when a listener before it throws", () => {
    const { gauge, of, step, events } = gaugeOn({ ...LITERAL, onError: () => {} });
    gauge.on("level", ({ to }) => {
      if (to !== "critical") return;
      of.used = 0;
      gauge.sample();
      throw new Error("after freeing");
    });
    step(99);
    expect(steps(events)).toEqual(["none>critical", "critical>none"]);
  });
});

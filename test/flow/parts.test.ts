// The small parts: the queue against an array, and events whose listeners fail. Goal: exact states, no link or listener left behind.
import { describe, expect, it } from "vitest";
import { Events } from "../../src/flow/events.js";
import { type Place, Queue } from "../../src/flow/queue.js";
import { random } from "../lib/random.js";

describe("the queue", () => {
  it("is an array from which anybody may leave", () => {
    const by = random(3);
    const queue = new Queue<number>();
    let model: Place<number>[] = [];
    const gone: Place<number>[] = [];
    for (let i = 0; i < 4000; i++) {
      if (by.below(2) === 0 || model.length === 0) {
        model.push(queue.push(i));
      } else {
        const place = by.below(2) === 0 ? queue.head! : by.pick(model);
        expect(queue.remove(place)).toBe(true);
        model = model.filter((other) => other !== place);
        gone.push(place);
      }
      expect(queue.head?.value).toBe(model[0]?.value);
      expect(queue.size).toBe(model.length);
      if (model.length > 50) for (const place of model.splice(0, 40)) queue.remove(place);
    }
    for (const place of gone) {
      expect([place.before, place.after]).toEqual([undefined, undefined]);
      expect(queue.remove(place)).toBe(false);
    }
    expect(queue.size).toBe(model.length);
  });
});

class Bell extends Events<{ ring: number; error: unknown }> {
  readonly failed: [string, unknown][] = [];
  constructor() {
    super(["ring", "error"]);
  }
  ring(times: number): void {
    this.emit("ring", times);
  }
  protected override listenerFailed(type: string, error: unknown): void {
    this.failed.push([type, error]);
  }
}

describe("events", () => {
  it("reach listeners in order, those of addEventListener too, until their signal or their function ends it", () => {
    const bell = new Bell();
    const heard: unknown[] = [];
    const abort = new AbortController();
    bell.on("ring", (times) => heard.push(["a", times]), { signal: abort.signal });
    const off = bell.on("ring", (times) => heard.push(["b", times]));
    bell.addEventListener("ring", (event) => heard.push(["c", (event as CustomEvent<number>).detail]));
    bell.ring(1);
    abort.abort();
    bell.ring(2);
    off();
    off();
    bell.ring(3);
    bell.on("ring", () => heard.push("never"), { signal: AbortSignal.abort() });
    bell.ring(4);
    expect(heard).toEqual([
      ["a", 1],
      ["b", 1],
      ["c", 1],
      ["b", 2],
      ["c", 2],
      ["c", 3],
      ["c", 4],
    ]);
  });

  it("D37: still reach the others when a listener throws, leaves or adds one", () => {
    const bell = new Bell();
    const heard: string[] = [];
    const error = new Error("deaf");
    bell.on("ring", () => {
      throw error;
    });
    const off = bell.on("ring", () => {
      heard.push("once");
      off();
      bell.on("ring", () => heard.push("added"));
    });
    bell.on("ring", () => heard.push("last"));
    bell.ring(1);
    bell.ring(2);
    // Node tells the added one of the event in which it was added, a page does not.
    expect(heard.filter((who) => who !== "added")).toEqual(["once", "last", "last"]);
    expect(heard).toContain("added");
    expect(bell.failed).toEqual([
      ["ring", error],
      ["ring", error],
    ]);
  });

  it("refuse wrong arguments", () => {
    const bell = new Bell();
    expect(() => bell.on("ring", undefined as never)).toThrow(TypeError);
    for (const type of ["", "rings", "toString", 5])
      expect(() => bell.on(type as never, () => {})).toThrow(/there is no event .*; there is "ring", "error"/);
    expect(() => bell.on("ring", () => {}, { signal: 5 } as never)).toThrow(TypeError);
    expect(() => bell.on("ring", () => {}, { once: true } as never)).toThrow(/"signal"/);
  });
});

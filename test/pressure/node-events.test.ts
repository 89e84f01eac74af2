// Bun's process event on Node. Goal: the name and levels that Bun has, on rises only, off when asked, and nothing on Bun itself.
import { EventEmitter } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { emitMemoryPressure } from "../../src/pressure/index.js";
import { gaugeOn, LITERAL } from "./feed.js";

const hearing = (): { process: EventEmitter; heard: string[] } => {
  const [process, heard] = [new EventEmitter(), [] as string[]];
  process.on("memoryPressure", (level: string) => heard.push(level));
  return { process, heard };
};

describe("memoryPressure", () => {
  it("is emitted with `warning` from moderate on and `critical` at critical, when the level rises", () => {
    const { process, heard } = hearing();
    const { gauge, step } = gaugeOn({ ...LITERAL });
    emitMemoryPressure(gauge, { process });
    for (const used of [50, 60, 80, 95, 98]) step(used);
    expect(heard).toEqual(["warning", "critical"]);
    for (const used of [96, 85, 65, 10]) step(used);
    expect(heard).toHaveLength(2);
    step(99);
    expect(heard).toEqual(["warning", "critical", "critical"]);
  });

  it("ends with the function that comes back, or with a signal", () => {
    const { process, heard } = hearing();
    const { gauge, step } = gaugeOn({ ...LITERAL });
    const stop = emitMemoryPressure(gauge, { process });
    stop();
    const controller = new AbortController();
    emitMemoryPressure(gauge, { process, signal: controller.signal });
    controller.abort();
    step(99);
    expect(heard).toEqual([]);
  });

  it("is emitted on Node's own process when no other is given", () => {
    const heard = vi.fn();
    process.on("memoryPressure" as "warning", heard);
    try {
      const { gauge, step } = gaugeOn();
      const stop = emitMemoryPressure(gauge);
      step(85);
      stop();
      expect(heard).toHaveBeenCalledWith("warning");
      emitMemoryPressure(gauge, { process })();
    } finally {
      process.off("memoryPressure" as "warning", heard);
    }
  });

  it("is left to Bun on Bun", () => {
    const { process, heard } = hearing();
    const { gauge, step } = gaugeOn();
    emitMemoryPressure(gauge, { process: Object.assign(process, { versions: { bun: "1.4.5" } }) });
    step(99);
    expect(heard).toEqual([]);
  });

  it("hands what a listener throws to the gauge", () => {
    const onError = vi.fn();
    const process = new EventEmitter();
    process.on("memoryPressure", () => {
      throw new Error("a listener's");
    });
    const { gauge, step } = gaugeOn({ onError });
    emitMemoryPressure(gauge, { process });
    expect(step(99)).toBe("critical");
    expect(onError).toHaveBeenCalledWith(new Error("a listener's"));
  });

  it("is refused where there is no process", () => {
    const { gauge } = gaugeOn();
    expect(() => emitMemoryPressure(gauge, { process: {} as never })).toThrow(/gauge\.on\("level"\)/);
    expect(() => emitMemoryPressure(gauge, { level: "low" } as object)).toThrow(/"level"/);
  });
});

describe("many listeners", () => {
  it("are no leak: Node does not warn of a hundred caches that listen", async () => {
    const warned = vi.fn();
    process.on("warning", warned);
    const { gauge } = gaugeOn();
    for (let i = 0; i < 100; i++) {
      gauge.on("level", () => {});
      gauge.addEventListener("level", () => {});
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", warned);
    expect(warned).not.toHaveBeenCalled();
  });
});

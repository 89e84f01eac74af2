// The other sources. Goal: each reads the number that it names, where it stands and where it does not; what fails answers null. Method:
// machines made of files and modules, then once this machine as it is.
import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import {
  budgetSource,
  cgroupSource,
  customSource,
  heapSource,
  type PressureSource,
  psiSource,
  rssSource,
  swapSource,
  systemSource,
} from "../../src/pressure/index.js";
import { Region } from "../../src/index.js";
import { gaugeOn } from "./feed.js";
import { GIB, groupV2, type Host, hostWith, MIB, processWith, V2_MOUNT } from "./host.js";

const at = ({ root, process }: Host): Pick<Host, "root" | "process"> => ({ root, process });

const KIB = 1024;

describe("the budget source", () => {
  it("reads either pair, as it is now, and is named after the budget", () => {
    const budget = { name: "tiles", usedBytes: 5, limitBytes: 10 };
    const source = budgetSource(budget);
    expect([source.name, source.read()]).toEqual(["tiles", { used: 5, limit: 10 }]);
    budget.usedBytes = 6;
    budget.limitBytes = 20;
    expect(source.read()).toEqual({ used: 6, limit: 20 });
    expect(budgetSource({ used: 1, limit: 2 }).read()).toEqual({ used: 1, limit: 2 });
    expect(budgetSource({ used: 1, limit: 2 }).name).toBe("budget");
    expect(budgetSource(budget, { name: "other" }).name).toBe("other");
  });

  it("reads getters of a class", () => {
    class Counted {
      get usedBytes(): number {
        return 3;
      }
      get limitBytes(): number {
        return 4;
      }
    }
    expect(budgetSource(new Counted()).read()).toEqual({ used: 3, limit: 4 });
  });

  it("refuses what is no budget", () => {
    for (const wrong of [null, undefined, 5, {}, { used: 1 }, { usedBytes: 1, limit: 2 }, () => {}]) {
      expect(() => budgetSource(wrong as never)).toThrow(TypeError);
    }
    expect(() => budgetSource({ used: 1, limit: 2 }, { nam: "x" } as object)).toThrow(/"nam"/);
  });

  it("D30: lets a gauge recover after frees, where one on what is retained never does (control)", () => {
    using region = Region.createSync({ size: "4MiB" });
    const limitBytes = region.capacityBytes - region.overheadBytes;
    const used = gaugeOn({
      sources: [
        budgetSource({
          get usedBytes() {
            return region.usedBytes;
          },
          limitBytes,
        }),
      ],
    }).gauge;
    const retained = gaugeOn({
      sources: [
        budgetSource({
          get usedBytes() {
            return region.peakBytes;
          },
          limitBytes,
        }),
      ],
    }).gauge;
    const offsets: number[] = [];
    for (let offset = region.heap.alloc(32 * KIB); offset !== 0; offset = region.heap.alloc(32 * KIB))
      offsets.push(offset);
    expect([used.sample(), retained.sample()]).toEqual(["critical", "critical"]);
    for (const offset of offsets) region.heap.free(offset);
    for (let i = 0; i < 3; i++) [used, retained].map((gauge) => gauge.sample());
    expect([used.level, used.pressure]).toEqual(["none", 0]);
    for (let i = 0; i < 100; i++) retained.sample();
    expect(retained.level).toBe("critical");
  });
});

describe("the custom source", () => {
  it("is what it is given", () => {
    let closed = 0;
    const source = customSource(
      "gpu",
      () => ({ used: 1, limit: 2 }),
      () => closed++,
    );
    expect([source.name, source.read()]).toEqual(["gpu", { used: 1, limit: 2 }]);
    source.close!();
    expect(closed).toBe(1);
    expect(customSource("x", () => null).close).toBeUndefined();
  });

  it("refuses a name that is none and what is no function", () => {
    expect(() => customSource("", () => null)).toThrow(TypeError);
    expect(() => customSource(5 as unknown as string, () => null)).toThrow(/5/);
    expect(() => customSource("x", {} as never)).toThrow(TypeError);
    expect(() => customSource("x", () => null, 5 as never)).toThrow(TypeError);
  });
});

describe("the heap source", () => {
  it("reads V8's own numbers, and nothing where there is no V8", () => {
    const v8 = { getHeapStatistics: () => ({ used_heap_size: 3, heap_size_limit: 9 }) };
    expect(heapSource({ v8 }).read()).toEqual({ used: 3, limit: 9 });
    const { used, limit } = heapSource().read()!;
    expect(used).toBeGreaterThan(MIB);
    expect(limit).toBeGreaterThan(used);
    const { process } = globalThis;
    try {
      globalThis.process = undefined as never;
      expect(heapSource().read()).toBeNull();
    } finally {
      globalThis.process = process;
    }
  });

  it("sees what the thread allocates", () => {
    const source = heapSource();
    const before = source.read()!.used;
    const kept: object[][] = [];
    // A collection in between takes away what others had left; what is kept here it cannot.
    do kept.push(Array.from({ length: 200_000 }, (_, i) => ({ i })));
    while (source.read()!.used - before <= MIB && kept.length < 20);
    expect(source.read()!.used - before).toBeGreaterThan(MIB);
    expect(kept[0]).toHaveLength(200_000);
  });
});

describe("the resident-set source", () => {
  it("reads pages from statm and finds out how large a page is", () => {
    for (const pageBytes of [4 * KIB, 16 * KIB, 64 * KIB]) {
      const host = hostWith({ "/proc/self/statm": "90000 1000 300 1 0 500 0\n" }, { rss: 1010 * pageBytes });
      const source = rssSource({ ...at(host), limit: "512MiB" });
      expect(source.read()).toEqual({ used: 1000 * pageBytes, limit: 512 * MIB });
      source.close!();
      expect(source.read()).toBeNull();
    }
    const untold = hostWith({ "/proc/self/statm": "90000 1000 300 1 0 500 0\n" });
    expect(rssSource({ ...at(untold), limit: GIB }).read()!.used).toBe(1000 * 4 * KIB);
  });

  it("asks the process where there is no statm, and has no reading where nobody tells", () => {
    const source = rssSource({ ...at(hostWith({}, { rss: 77 * MIB })), limit: GIB });
    expect(source.read()).toEqual({ used: 77 * MIB, limit: GIB });
    source.close!();
    expect(source.read()).toBeNull();
    expect(rssSource({ ...at(hostWith({})), limit: GIB }).read()).toBeNull();
    expect(rssSource({ process: {}, limit: GIB }).read()).toBeNull();
    expect(rssSource({ process, limit: GIB }).read()).not.toBeNull();
    expect(rssSource({ process: { memoryUsage: { rss: () => 5 } } }).read()).toBeNull();
  });

  it("is limited by the effective memory unless told, and by shares of it", () => {
    const files = { "/proc/self/cgroup": "0::/app\n", "/proc/self/mountinfo": V2_MOUNT };
    const host = hostWith({
      ...files,
      ...groupV2("/sys/fs/cgroup/app", { max: `${2 * GIB}`, used: 1 }),
      "/proc/self/statm": "9 8 7\n",
    });
    expect(rssSource(at(host)).read()!.limit).toBe(2 * GIB);
    expect(rssSource({ ...at(host), limit: "25%" }).read()!.limit).toBe(GIB / 2);
    expect(() => rssSource({ ...at(host), limit: "lots" })).toThrow(TypeError);
    expect(() => rssSource({ ...at(host), limits: 5 } as object)).toThrow(/"limits"/);
  });

  it("agrees with Node on this machine, within what comes and goes meanwhile", () => {
    const source = rssSource();
    const ours = source.read()!.used;
    const theirs = process.memoryUsage.rss();
    expect(Math.abs(ours - theirs)).toBeLessThan(64 * MIB);
    source.close!();
  });
});

const MEMINFO =
  "MemTotal:       16000 kB\nMemFree:  100 kB\nMemAvailable:   4000 kB\nSwapTotal:  2000 kB\nSwapFree:  1900 kB\n";

describe("the system source", () => {
  it("counts as used what is not available, not what is not free", () => {
    const source = systemSource(at(hostWith({ "/proc/meminfo": MEMINFO })));
    expect(source.read()).toEqual({ used: 12_000 * KIB, limit: 16_000 * KIB });
    source.close!();
    expect(source.read()).toBeNull();
  });

  it("asks node:os elsewhere and on kernels that do not tell, and has no reading where nobody tells", () => {
    expect(systemSource(at(hostWith({}))).read()).toEqual({ used: 12 * GIB, limit: 16 * GIB });
    expect(systemSource(at(hostWith({ "/proc/meminfo": "MemTotal: 5 kB\n" }))).read()).toEqual({
      used: 12 * GIB,
      limit: 16 * GIB,
    });
    expect(systemSource({ process: {} }).read()).toBeNull();
  });
});

describe("the swap source (X17)", () => {
  it("is full when a tenth of the swap space is used, unless told", () => {
    const host = hostWith({ "/proc/meminfo": MEMINFO });
    expect(swapSource(at(host)).read()).toEqual({ used: 100 * KIB, limit: 200 * KIB });
    expect(swapSource({ ...at(host), limitPercent: 5 }).read()).toEqual({ used: 100 * KIB, limit: 100 * KIB });
    const { gauge } = gaugeOn({ sources: [swapSource({ ...at(host), limitPercent: 5 })] });
    expect([gauge.sample(), gauge.pressure]).toEqual(["critical", 1]);
  });

  it("is no pressure without swap space, and no reading without a number", () => {
    const none = hostWith({ "/proc/meminfo": "SwapTotal: 0 kB\nSwapFree: 0 kB\n" });
    const { gauge } = gaugeOn({ sources: [swapSource(at(none))] });
    expect([gauge.sample(), gauge.pressure, gauge.stale]).toEqual(["none", 0, false]);
    expect(swapSource(at(hostWith({}))).read()).toBeNull();
  });

  it("refuses a percentage that is none", () => {
    for (const limitPercent of [0, -5, 101, Number.NaN]) expect(() => swapSource({ limitPercent })).toThrow(RangeError);
    expect(() => swapSource({ limitPercent: "5" as unknown as number })).toThrow(TypeError);
  });
});

const STALLS = "some avg10=12.50 avg60=1.00 avg300=0.10 total=123\nfull avg10=6.25 avg60=0.50 avg300=0.01 total=45\n";

describe("the stall source", () => {
  it("reads the share of time in which all tasks waited, or some", () => {
    const host = hostWith({ "/proc/pressure/memory": STALLS });
    expect(psiSource(at(host)).read()).toEqual({ used: 6.25, limit: 60 });
    expect(psiSource({ ...at(host), kind: "some", limitPercent: 25 }).read()).toEqual({ used: 12.5, limit: 25 });
  });

  it("is of the process's own control group where that has one", () => {
    const host = hostWith({
      "/proc/self/cgroup": "0::/app\n",
      "/proc/self/mountinfo": V2_MOUNT,
      "/proc/pressure/memory": STALLS,
      "/sys/fs/cgroup/app/memory.pressure": STALLS.replace("6.25", "30.00"),
    });
    const source = psiSource(at(host));
    expect(source.read()).toEqual({ used: 30, limit: 60 });
    source.close!();
    expect(source.read()).toBeNull();
    host.write("/sys/fs/cgroup/app/memory.pressure", null);
    expect(psiSource(at(host)).read()).toEqual({ used: 6.25, limit: 60 });
  });

  it("has no reading where the kernel does not measure it", () => {
    expect(psiSource(at(hostWith({}))).read()).toBeNull();
    expect(psiSource(at(hostWith({ "/proc/pressure/memory": "" }))).read()).toBeNull();
  });

  it("refuses options that are none", () => {
    expect(() => psiSource({ kind: "all" as "some" })).toThrow(/"all"/);
    expect(() => psiSource({ limitPercent: 0 })).toThrow(RangeError);
    expect(() => psiSource({ window: 10 } as object)).toThrow(/"window"/);
  });
});

describe("files of the kernel", () => {
  it("are opened once, opened anew when they fail, and never left open", () => {
    let [opened, open, isBroken] = [0, 0, false];
    const host = hostWith(
      { "/proc/meminfo": MEMINFO },
      {
        fs: {
          openSync: (path, flags) => (opened++, open++, fs.openSync(path, flags)),
          closeSync: (fd) => (open--, fs.closeSync(fd)),
          readSync: (...args) => {
            if (isBroken) throw Object.assign(new Error("no such device"), { code: "ENODEV" });
            return fs.readSync(...args);
          },
        },
      },
    );
    const source = swapSource(at(host));
    for (let i = 0; i < 10; i++) source.read();
    expect([opened, open]).toEqual([1, 1]);
    isBroken = true;
    expect([source.read(), open]).toEqual([null, 0]);
    isBroken = false;
    expect(source.read()).not.toBeNull();
    expect([opened, open]).toEqual([2, 1]);
    source.close!();
    source.close!();
    expect([source.read(), opened, open]).toEqual([null, 2, 0]);
  });
});

describe("this machine", () => {
  const sources = (): PressureSource[] => [
    cgroupSource(),
    rssSource(),
    heapSource(),
    systemSource(),
    swapSource(),
    psiSource(),
  ];

  it.runIf(process.platform === "linux")("is read without a throw, each number possible", () => {
    const { gauge } = gaugeOn({ sources: sources() });
    gauge.sample();
    expect(gauge.stale).toBe(false);
    for (const { name, used, limit, stale } of gauge.sources) {
      if (stale) continue;
      expect(used, name).toBeGreaterThanOrEqual(0);
      expect(limit, name).toBeLessThan(2 ** 53);
    }
    for (const name of ["rss", "heap", "system"]) {
      expect(gauge.sources.find((state) => state.name === name)).toMatchObject({ stale: false, failures: 0 });
    }
    gauge.close();
  });

  it.runIf(process.platform === "linux")("has no file more open after the sources were closed", () => {
    const count = (): number => fs.readdirSync("/proc/self/fd").length;
    const opening = sources();
    const before = count();
    for (let i = 0; i < 50; i++) {
      const round = i === 0 ? opening : sources();
      for (const source of round) source.read();
      for (const source of round) source.close?.();
    }
    // Other tests of this process open files too: less than one of the 300 sources would add.
    expect(Math.abs(count() - before)).toBeLessThan(50);
  });

  it("without Node answers null everywhere and throws nothing", () => {
    const process = {};
    for (const source of [
      cgroupSource({ process }),
      rssSource({ process }),
      systemSource({ process }),
      swapSource({ process }),
      psiSource({ process }),
    ]) {
      expect(source.read()).toBeNull();
      source.close!();
    }
    expect(processWith({}).getBuiltinModule!("node:nothing")).toBeUndefined();
  });
});

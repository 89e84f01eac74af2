// Control groups and effective memory. Goal: the right denominator on every host that is in the field (D31), the page cache not taken for
// use (D32). Method: machines made of files: both versions, hybrid, nested, namespaced, with every way to say "no limit", and with files missing.
import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { cgroupSource, effectiveMemory, type SourceReading } from "../../src/pressure/index.js";
import { gaugeOn } from "./feed.js";
import { GIB, groupV1, groupV2, type Host, hostWith, MIB, type Numbers, V1_MOUNT, V2_MOUNT } from "./host.js";

const UNLIMITED = [
  ["max", "max"],
  ["the largest page count", "9223372036854771712"],
  ["the largest count of 64 KiB pages", "9223372036854710272"],
  ["2^63 − 1", "9223372036854775807"],
  ["2^64", "18446744073709551616"],
  ["2^64 − 1", "18446744073709551615"],
  ["−1", "-1"],
  ["0", "0"],
] as const;

function read(host: Host): SourceReading | null {
  const source = cgroupSource({ root: host.root, process: host.process });
  try {
    return source.read();
  } finally {
    source.close!();
  }
}

const effective = ({ root, process }: Host): number | undefined => effectiveMemory({ root, process });

const inV2 = (path: string, files: Record<string, string>, numbers?: Numbers): Host =>
  hostWith({ "/proc/self/cgroup": `0::${path}\n`, "/proc/self/mountinfo": V2_MOUNT, ...files }, numbers);

const inV1 = (path: string, files: Record<string, string>, numbers?: Numbers): Host => {
  const membership = `9:name=systemd:/init\n4:memory:${path}\n2:cpu,cpuacct:/\n0::/\n`;
  return hostWith({ "/proc/self/cgroup": membership, "/proc/self/mountinfo": V1_MOUNT, ...files }, numbers);
};

const SYS = "/sys/fs/cgroup";

describe("D31: a control group of version 2", () => {
  it("is as full as what is used of memory.max", () => {
    const host = inV2("/app", groupV2(`${SYS}/app`, { max: `${512 * MIB}`, used: 128 * MIB }));
    expect(read(host)).toEqual({ used: 128 * MIB, limit: 512 * MIB });
    expect(effective(host)).toBe(512 * MIB);
  });

  it("is limited by memory.high where that is lower: there the kernel makes it wait", () => {
    const host = inV2("/app", groupV2(`${SYS}/app`, { max: `${512 * MIB}`, high: `${384 * MIB}`, used: 128 * MIB }));
    expect(read(host)).toEqual({ used: 128 * MIB, limit: 384 * MIB });
    expect(effective(host)).toBe(384 * MIB);
    const high = inV2("/app", groupV2(`${SYS}/app`, { high: `${384 * MIB}`, used: 1 }));
    expect(effective(high)).toBe(384 * MIB);
  });

  it.each(UNLIMITED)("that says %s has the machine's memory for its limit", (_, text) => {
    const host = inV2("/app", groupV2(`${SYS}/app`, { max: text, high: text, used: 4 * GIB }));
    expect(read(host)).toEqual({ used: 4 * GIB, limit: 16 * GIB });
    expect(effective(host)).toBe(16 * GIB);
  });

  it("with a limit above the machine's memory has that", () => {
    const host = inV2("/app", groupV2(`${SYS}/app`, { max: `${64 * GIB}`, used: GIB }));
    expect(read(host)).toEqual({ used: GIB, limit: 16 * GIB });
    expect(effective(host)).toBe(16 * GIB);
  });

  it("in a group with a lower limit has that: the fullest of the nested groups answers", () => {
    const host = inV2("/pod/app", {
      ...groupV2(`${SYS}/pod/app`, { max: `${GIB}`, used: 300 * MIB }),
      ...groupV2(`${SYS}/pod`, { max: `${512 * MIB}`, used: 400 * MIB }),
    });
    expect(read(host)).toEqual({ used: 400 * MIB, limit: 512 * MIB });
    expect(effective(host)).toBe(512 * MIB);
  });

  it("is as near to its end as the group around it, which others fill too, even where its own limit is lower", () => {
    const host = inV2("/pod/app", {
      ...groupV2(`${SYS}/pod/app`, { max: `${GIB}`, used: 300 * MIB }),
      ...groupV2(`${SYS}/pod`, { max: `${2 * GIB}`, used: 1900 * MIB }),
    });
    expect(read(host)).toEqual({ used: 1900 * MIB, limit: 2 * GIB });
    expect(effective(host)).toBe(GIB);
  });

  it("that cannot tell of itself is read from the groups around it", () => {
    const host = inV2("/slice/pod/app", groupV2(`${SYS}/slice`, { max: `${GIB}`, used: 500 * MIB }));
    expect(read(host)).toEqual({ used: 500 * MIB, limit: GIB });
    const mute = inV2("/pod/app", {
      ...groupV2(`${SYS}/pod/app`, { used: 300 * MIB }),
      ...groupV2(`${SYS}/pod`, { max: `${512 * MIB}` }),
    });
    expect(read(mute)).toEqual({ used: 300 * MIB, limit: 512 * MIB });
  });

  it("is the mount itself in a container with a namespace of its own", () => {
    const host = inV2("/", groupV2(SYS, { max: `${256 * MIB}`, used: 64 * MIB }));
    expect(read(host)).toEqual({ used: 64 * MIB, limit: 256 * MIB });
    const outside = inV2("/../other", groupV2(SYS, { max: `${256 * MIB}`, used: 64 * MIB }));
    expect(read(outside)).toEqual({ used: 64 * MIB, limit: 256 * MIB });
  });

  it("may have spaces, colons and commas in its name", () => {
    const host = inV2("/a b:c,memory", groupV2(`${SYS}/a b:c,memory`, { max: `${GIB}`, used: 1 }));
    expect(effective(host)).toBe(GIB);
  });

  it("is found without a list of mounts where everybody mounts it", () => {
    const host = hostWith({ "/proc/self/cgroup": "0::/app\n", ...groupV2(`${SYS}/app`, { max: `${GIB}`, used: 5 }) });
    expect(read(host)).toEqual({ used: 5, limit: GIB });
  });

  it("is found at another mount, also one with a space in its path", () => {
    const host = hostWith({
      "/proc/self/cgroup": "0::/app\n",
      "/proc/self/mountinfo": "29 23 0:26 / /my\\040groups rw - cgroup2 none rw\n",
      ...groupV2("/my groups/app", { max: `${GIB}`, used: 5 }),
    });
    expect(read(host)).toEqual({ used: 5, limit: GIB });
  });
});

describe("D31: a control group of version 1", () => {
  it("is as full as what is used of its limit", () => {
    const host = inV1("/app", groupV1(`${SYS}/memory/app`, { limit: `${512 * MIB}`, used: 128 * MIB }));
    expect(read(host)).toEqual({ used: 128 * MIB, limit: 512 * MIB });
    expect(effective(host)).toBe(512 * MIB);
  });

  it.each(UNLIMITED.slice(1))("that says %s has the machine's memory for its limit", (_, text) => {
    const host = inV1("/app", groupV1(`${SYS}/memory/app`, { limit: text, used: 4 * GIB, outer: text }));
    expect(read(host)).toEqual({ used: 4 * GIB, limit: 16 * GIB });
    expect(effective(host)).toBe(16 * GIB);
  });

  it("has the limit of a group outside that only the kernel can see", () => {
    const host = inV1("/app", groupV1(`${SYS}/memory/app`, { used: 100 * MIB, outer: `${200 * MIB}` }));
    expect(read(host)).toEqual({ used: 100 * MIB, limit: 200 * MIB });
    expect(effective(host)).toBe(200 * MIB);
  });

  it("in a group with a lower limit has that", () => {
    const host = inV1("/docker/abc", {
      ...groupV1(`${SYS}/memory/docker/abc`, { used: 300 * MIB }),
      ...groupV1(`${SYS}/memory/docker`, { limit: `${400 * MIB}`, used: 350 * MIB }),
    });
    expect(read(host)).toEqual({ used: 350 * MIB, limit: 400 * MIB });
  });

  it("is the mount itself where a container sees its own group mounted there", () => {
    const host = hostWith({
      "/proc/self/cgroup": "4:memory:/docker/abc\n",
      "/proc/self/mountinfo": `35 31 0:32 /docker/abc ${SYS}/memory ro - cgroup cgroup rw,memory\n`,
      ...groupV1(`${SYS}/memory`, { limit: `${GIB}`, used: 9 }),
    });
    expect(read(host)).toEqual({ used: 9, limit: GIB });
  });

  it("lies below the group that is mounted, where that is one of those around it", () => {
    const host = hostWith({
      "/proc/self/cgroup": "4:memory:/docker/abc\n",
      "/proc/self/mountinfo": `35 31 0:32 /docker ${SYS}/memory ro - cgroup cgroup rw,memory\n`,
      ...groupV1(`${SYS}/memory/abc`, { limit: `${GIB}`, used: 9 }),
      ...groupV1(`${SYS}/memory`, { limit: `${4 * GIB}`, used: 10 }),
    });
    expect(read(host)).toEqual({ used: 9, limit: GIB });
  });

  it("of a hybrid host is asked where version 2 has no memory", () => {
    const host = hostWith({
      "/proc/self/cgroup": "4:memory:/app\n0::/app\n",
      "/proc/self/mountinfo": `${V1_MOUNT}41 31 0:38 / ${SYS}/unified rw - cgroup2 cgroup2 rw\n`,
      ...groupV1(`${SYS}/memory/app`, { limit: `${GIB}`, used: 7 }),
      [`${SYS}/unified/app/cgroup.procs`]: "1\n",
    });
    expect(read(host)).toEqual({ used: 7, limit: GIB });
  });

  it("of a hybrid host that has memory in version 2 is not asked", () => {
    const host = hostWith({
      "/proc/self/cgroup": "2:cpu,cpuacct:/app\n0::/app\n",
      "/proc/self/mountinfo": `31 23 0:28 / ${SYS} rw - tmpfs tmpfs rw\n41 31 0:38 / ${SYS}/unified rw - cgroup2 cgroup2 rw\n`,
      ...groupV2(`${SYS}/unified/app`, { max: `${GIB}`, used: 7 }),
    });
    expect(read(host)).toEqual({ used: 7, limit: GIB });
  });
});

describe("D31: effective memory", () => {
  it.each([
    ["0", 0],
    ["2^64", 2 ** 64],
    ["the largest page count", 9223372036854771712],
    ["−1", -1],
    ["NaN", Number.NaN],
    ["more than the machine has", 64 * GIB],
  ])("takes no notice of a constrainedMemory of %s", (_, constrained) => {
    expect(effective(hostWith({}, { constrained }))).toBe(16 * GIB);
  });

  it("is constrainedMemory where that is the least", () => {
    expect(effective(hostWith({}, { constrained: 2 * GIB }))).toBe(2 * GIB);
    const host = inV2("/app", groupV2(`${SYS}/app`, { max: `${GIB}`, used: 1 }), { constrained: 2 * GIB });
    expect(effective(host)).toBe(GIB);
  });

  it("is the machine's where there are no groups, and unknown where nothing is known", () => {
    expect(effective(hostWith({}))).toBe(16 * GIB);
    expect(effectiveMemory({ root: "/nowhere", process: {} })).toBeUndefined();
    expect(effective(hostWith({}, { totalmem: 0, constrained: 2 ** 64 }))).toBeUndefined();
  });

  it("of this machine is sane: not 0, not 2^64, not above its memory", () => {
    const bytes = effectiveMemory()!;
    expect(Number.isSafeInteger(bytes)).toBe(true);
    expect(bytes).toBeGreaterThan(64 * MIB);
    expect(bytes).toBeLessThanOrEqual(fs.existsSync("/proc/meminfo") ? 2 ** 50 : Infinity);
  });

  it("refuses options that are none", () => {
    expect(() => effectiveMemory({ roots: "/" } as object)).toThrow(/"roots"/);
    expect(() => cgroupSource(5 as unknown as object)).toThrow(TypeError);
  });
});

describe("D32: the page cache", () => {
  it("that the kernel takes back first is not counted as used, in version 2", () => {
    const host = inV2("/app", groupV2(`${SYS}/app`, { max: `${GIB}`, used: 900 * MIB, inactive: 600 * MIB }));
    expect(read(host)).toEqual({ used: 300 * MIB, limit: GIB });
  });

  it("of the children too is not counted, in version 1", () => {
    const group = { limit: `${GIB}`, used: 900 * MIB, inactive: 600 * MIB };
    expect(read(inV1("/app", groupV1(`${SYS}/memory/app`, group)))).toEqual({ used: 300 * MIB, limit: GIB });
  });

  it("never makes the use negative, when it is read a moment later than the use", () => {
    const host = inV2("/app", groupV2(`${SYS}/app`, { max: `${GIB}`, used: 100, inactive: 5000 }));
    expect(read(host)).toEqual({ used: 0, limit: GIB });
  });

  it("is 0 where the kernel does not tell", () => {
    const host = inV2("/app", groupV2(`${SYS}/app`, { max: `${GIB}`, used: 100 }));
    host.write(`${SYS}/app/memory.stat`, null);
    expect(read(host)).toEqual({ used: 100, limit: GIB });
  });
});

describe("the control-group source", () => {
  it("has no reading where there are no groups, or they tell nothing", () => {
    expect(read(hostWith({}))).toBeNull();
    expect(read(hostWith({ "/proc/self/cgroup": "" }))).toBeNull();
    expect(read(hostWith({ "/proc/self/cgroup": "garbage\n:::\n\n" }))).toBeNull();
    expect(read(inV2("/app", {}))).toBeNull();
    expect(
      read(inV2("/app", { [`${SYS}/app/memory.max`]: "lots\n", [`${SYS}/app/memory.current`]: "5\n" })),
    ).toBeNull();
    expect(
      read(inV2("/app", { [`${SYS}/app/memory.max`]: "5000\n", [`${SYS}/app/memory.current`]: "?\n" })),
    ).toBeNull();
    expect(cgroupSource({ process: {} }).read()).toBeNull();
  });

  it.each(UNLIMITED)("has no limit at all where %s is all that is known", (_, text) => {
    const group = groupV2(`${SYS}/app`, { max: text, high: text, used: 5 });
    expect(read(inV2("/app", group, { totalmem: 0 }))).toEqual({ used: 5, limit: Infinity });
    expect(effective(inV2("/app", group, { totalmem: 0 }))).toBeUndefined();
  });

  it("sees a limit that is changed, and the process moved to another group", () => {
    const host = inV2("/app", groupV2(`${SYS}/app`, { max: `${GIB}`, used: 100 }));
    const source = cgroupSource(host2(host));
    expect(source.read()!.limit).toBe(GIB);
    host.write(`${SYS}/app/memory.max`, `${2 * GIB}\n`);
    expect(source.read()!.limit).toBe(2 * GIB);
    for (const [path, text] of Object.entries(groupV2(`${SYS}/next`, { max: `${MIB}`, used: 7 })))
      host.write(path, text);
    host.write("/proc/self/cgroup", "0::/next\n");
    expect(source.read()).toEqual({ used: 7, limit: MIB });
    source.close!();
  });

  it("opens each file once, and has none open after close", () => {
    let [opened, open] = [0, 0];
    const host = inV2(
      "/pod/app",
      {
        ...groupV2(`${SYS}/pod/app`, { max: `${GIB}`, used: 1 }),
        ...groupV2(`${SYS}/pod`, { max: `${GIB}`, used: 1 }),
      },
      {
        fs: {
          openSync(path, flags) {
            const fd = fs.openSync(path, flags);
            opened++;
            open++;
            return fd;
          },
          closeSync: (fd) => (open--, fs.closeSync(fd)),
        },
      },
    );
    const source = cgroupSource(host2(host));
    source.read();
    const first = opened;
    for (let i = 0; i < 20; i++) source.read();
    expect([opened, open]).toEqual([first, first]);
    source.close!();
    expect([open, source.read()]).toEqual([0, null]);
  });

  it("lets a gauge recover when what was used is cache again", () => {
    const host = inV2("/app", groupV2(`${SYS}/app`, { max: `${GIB}`, used: GIB - 9 }));
    const source = cgroupSource(host2(host));
    const { gauge } = gaugeOn({ sources: [source] });
    expect(gauge.sample()).toBe("critical");
    host.write(`${SYS}/app/memory.stat`, `inactive_file ${GIB - 99}\n`);
    expect([1, 2, 3].map(() => gauge.sample())).toEqual(["critical", "critical", "none"]);
    gauge.close();
  });
});

const host2 = ({ root, process }: Host): Pick<Host, "root" | "process"> => ({ root, process });

// Host: a machine of a test's own. Files of /proc and /sys in a directory that is removed at the end, read by the real file system, and the
// few numbers that Node's own modules tell.
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { HostFiles, HostOptions, HostProcess } from "../../src/pressure/index.js";

export interface Host extends Required<HostOptions> {
  /** Writes, or removes, a file. */
  write(path: string, text: string | null): void;
}

export interface Numbers {
  totalmem?: number;
  freemem?: number;
  constrained?: number;
  rss?: number;
  fs?: Partial<HostFiles>;
}

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** A machine with these files and numbers; 16 GiB, no limits unless told. */
export function hostWith(files: Record<string, string>, numbers: Numbers = {}): Host {
  const root = fs.mkdtempSync(join(tmpdir(), "cistern-host-"));
  onTestFinished(() => fs.rmSync(root, { recursive: true, force: true }));
  const write = (path: string, text: string | null): void => {
    const at = root + path;
    if (text === null) return fs.rmSync(at, { recursive: true });
    fs.mkdirSync(dirname(at), { recursive: true });
    fs.writeFileSync(at, text);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  return { root, process: processWith(numbers), write };
}

export function processWith(numbers: Numbers): HostProcess {
  const { totalmem = 16 * GIB, freemem = 4 * GIB, constrained, rss } = numbers;
  const modules: Record<string, unknown> = {
    "node:fs": { ...fs, ...numbers.fs },
    "node:os": { totalmem: () => totalmem, freemem: () => freemem },
  };
  return {
    getBuiltinModule: (name) => modules[name],
    ...(constrained === undefined ? {} : { constrainedMemory: () => constrained }),
    ...(rss === undefined ? {} : { memoryUsage: { rss: () => rss } }),
  };
}

/** Files of /proc that say: mounted there, a member of that. */
export const V2_MOUNT =
  "24 1 0:21 / /proc rw - proc proc rw\n29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
export const V1_MOUNT =
  "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" +
  "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
  "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

/** The files of a version 2 group. */
export function groupV2(directory: string, group: { max?: string; high?: string; used?: number; inactive?: number }) {
  const { max = "max", high = "max", used, inactive = 0 } = group;
  return {
    [`${directory}/memory.max`]: `${max}\n`,
    [`${directory}/memory.high`]: `${high}\n`,
    ...(used === undefined ? {} : { [`${directory}/memory.current`]: `${used}\n` }),
    [`${directory}/memory.stat`]: `anon 1\nfile 2\nactive_file 7\ninactive_file ${inactive}\nslab 3\n`,
  };
}

/** The files of a version 1 group. */
export function groupV1(
  directory: string,
  group: { limit?: string; used?: number; inactive?: number; outer?: string },
) {
  const { limit = "9223372036854771712", used = 0, inactive = 0, outer = "9223372036854771712" } = group;
  return {
    [`${directory}/memory.limit_in_bytes`]: `${limit}\n`,
    [`${directory}/memory.usage_in_bytes`]: `${used}\n`,
    [`${directory}/memory.stat`]:
      `cache 5\ninactive_file 4096\nhierarchical_memory_limit ${outer}\n` +
      `total_cache 9\ntotal_inactive_file ${inactive}\ntotal_active_file 8\n`,
  };
}

// Control group files: where the kernel accounts this process's memory, in both of its versions, and what stands there. A process is in a
// group inside of groups and each of them has a limit; a container sees those from its own root on. Owns finding the directories and
// reading a number of a file; what is tightest is the source's to say.

import { fileText, HostFile, type HostOptions, numberIn } from "./host.js";

/** The kernel's "no limit" is `max`, −1, or the largest number its counter holds, in pages of whatever size: nobody has 8 PiB. */
export function limitIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const word = text.trim();
  if (word === "max" || word.startsWith("-")) return Infinity;
  const bytes = /^\d+$/.test(word) ? Number(word) : Number.NaN;
  if (Number.isNaN(bytes)) return undefined;
  // A limit of 0 is one that nobody lives under: it means that there is none.
  return bytes === 0 || bytes > Number.MAX_SAFE_INTEGER ? Infinity : bytes;
}

const VERSION_FILES = {
  1: { limits: ["memory.limit_in_bytes"], used: "memory.usage_in_bytes" },
  2: { limits: ["memory.max", "memory.high"], used: "memory.current" },
} as const;

const INACTIVE = /^inactive_file (\d+)$/m;
const TOTAL_INACTIVE = /^total_inactive_file (\d+)$/m;
/** Version 1 only: the lowest limit from here up, also of groups that a container cannot see. */
const HIERARCHICAL = /^hierarchical_memory_limit (\d+)$/m;

/** What a group holds. */
export interface CgroupUsage {
  /** Bytes without those of the page cache that the kernel takes back first. (D32) */
  readonly used: number;
  /** The lowest limit from here outwards, as far as the kernel says; Infinity where it says none. */
  readonly outerLimit: number;
}

/** One group: its limit and what is used under it, children included. */
export class CgroupLevel {
  readonly #limits: readonly HostFile[];
  readonly #used: HostFile;
  readonly #stat: HostFile;

  constructor(directory: string, version: 1 | 2, options: HostOptions) {
    const file = (name: string): HostFile => new HostFile(`${directory}/${name}`, options);
    const { limits, used } = VERSION_FILES[version];
    this.#limits = limits.map(file);
    this.#used = file(used);
    this.#stat = file("memory.stat");
  }

  /** Bytes, Infinity for no limit; undefined where nothing can be read. Where `memory.high` is lower it counts: from there on the kernel
   *  makes the group wait. */
  limit(): number | undefined {
    const known = this.#limits.map((file) => limitIn(file.read())).filter((limit) => limit !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  /** What is used, and a limit that a group outside may set; undefined where nothing can be read. */
  usage(): CgroupUsage | undefined {
    const used = numberIn(this.#used.read(), /^(\d+)/);
    if (used === undefined) return undefined;
    const stat = this.#stat.read();
    const inactive = numberIn(stat, TOTAL_INACTIVE) ?? numberIn(stat, INACTIVE) ?? 0;
    return { used: Math.max(0, used - inactive), outerLimit: limitIn(HIERARCHICAL.exec(stat ?? "")?.[1]) ?? Infinity };
  }

  close(): void {
    for (const file of [...this.#limits, this.#used, this.#stat]) file.close();
  }
}

interface Mount {
  root: string;
  point: string;
}

/** Where a version's hierarchy is mounted: the directory, and which group stands there. */
function mountOf(version: 1 | 2, options: HostOptions): Mount {
  const mounts = fileText("/proc/self/mountinfo", options) ?? "";
  for (const line of mounts.split("\n")) {
    // id parent major:minor root point options … - type source super-options
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root, point] = before.split(" ").map(unescaped);
    const [type, , flags = ""] = after.split(" ");
    const isIt = version === 2 ? type === "cgroup2" : type === "cgroup" && flags.split(",").includes("memory");
    if (isIt && root !== undefined && point !== undefined) return { root, point };
  }
  return { root: "/", point: version === 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory" };
}

/** Spaces and the like stand in mountinfo as three octal digits. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** The directories of `path` and of all groups around it, innermost first, as far as they are mounted. */
function directories(path: string, { root, point }: Mount): string[] {
  const prefix = root === "/" ? "" : root;
  // A path that does not lie below what is mounted is one of a namespace outside of ours: we stand at the mount itself.
  const isBelow = path.startsWith(`${prefix}/`) && !path.split("/").includes("..");
  const names = (isBelow ? path.slice(prefix.length) : "").split("/").filter(Boolean);
  return Array.from({ length: names.length + 1 }, (_, up) => [point, ...names.slice(0, names.length - up)].join("/"));
}

/** A process's groups in one version's hierarchy, innermost first. */
export interface CgroupPath {
  readonly version: 1 | 2;
  readonly directories: readonly string[];
}

/**
 * Where `membership` (`/proc/self/cgroup`) says that this process is, in the hierarchies that can account memory. On a hybrid host both
 * are there, and only one of them has the files.
 */
export function cgroupPaths(membership: string, options: HostOptions): CgroupPath[] {
  const paths: CgroupPath[] = [];
  for (const line of membership.trim().split("\n")) {
    const [id, controllers = "", ...rest] = line.split(":");
    const path = rest.join(":");
    const version = controllers.split(",").includes("memory") ? 1 : 2;
    if (version === 2 && !(id === "0" && controllers === "")) continue;
    paths.push({ version, directories: directories(path, mountOf(version, options)) });
  }
  return paths;
}

/** This process's groups, read again when the process was moved to others. */
export class Cgroups {
  readonly #options: HostOptions;
  readonly #membership: HostFile;
  #text: string | undefined;
  #levels: readonly CgroupLevel[] = [];

  constructor(options: HostOptions) {
    this.#options = options;
    this.#membership = new HostFile("/proc/self/cgroup", options);
  }

  /** From the innermost group out; empty where there are none. */
  levels(): readonly CgroupLevel[] {
    const text = this.#membership.read();
    if (text === this.#text) return this.#levels;
    this.#closeLevels();
    this.#text = text;
    this.#levels = text === undefined ? [] : this.#find(text);
    return this.#levels;
  }

  close(): void {
    this.#membership.close();
    this.#closeLevels();
  }

  #find(text: string): readonly CgroupLevel[] {
    for (const { version, directories } of cgroupPaths(text, this.#options)) {
      const levels = directories.map((directory) => new CgroupLevel(directory, version, this.#options));
      if (levels.some((level) => level.limit() !== undefined)) return levels;
      for (const level of levels) level.close();
    }
    return [];
  }

  #closeLevels(): void {
    for (const level of this.#levels) level.close();
    this.#levels = [];
  }
}

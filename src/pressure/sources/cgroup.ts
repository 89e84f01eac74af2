// Control-group source: what the container's limit leaves, of all groups around this process the one that is fullest. Its numbers hold
// everything in the group, other processes and kernel memory too: what the kernel kills by. Some tens of
// microseconds a reading, most of them the kernel's.

import { ownOptions } from "../../options.js";
import type { PressureSource, SourceReading } from "../source.js";
import { Cgroups } from "./cgroup-files.js";
import { HOST_OPTIONS, type HostOptions, totalMemory } from "./host.js";

/**
 * A source named `cgroup`, of both versions and of hosts with both. A group is as full as (used − inactive file cache) / min(max, high);
 * of nested groups the fullest answers, for the kernel acts in whichever is full first. Where no group has a limit the machine's memory
 * is it, and it is never more (D31, D32). No reading where there are no such groups. It holds up to four files a group open.
 */
export function cgroupSource(options?: HostOptions): PressureSource {
  const host = ownOptions<HostOptions>("cgroupSource", options, HOST_OPTIONS);
  const groups = new Cgroups(host);
  const total = totalMemory(host) ?? Infinity;
  return {
    name: "cgroup",
    read() {
      let fullest: SourceReading | null = null;
      let usedBelow: number | undefined;
      for (const level of groups.levels()) {
        const limit = level.limit();
        if (limit === undefined || (limit === Infinity && fullest !== null)) continue;
        // A group that tells its limit only holds at least what the one inside of it holds.
        const usage = level.usage();
        const used = usage?.used ?? usedBelow;
        if (used === undefined) continue;
        usedBelow = used;
        const reading = { used, limit: Math.min(limit, usage?.outerLimit ?? Infinity, total) };
        if (fullest === null || used / reading.limit > fullest.used / fullest.limit) fullest = reading;
      }
      return fullest;
    },
    close: () => groups.close(),
  };
}

// Effective memory: how many bytes this process can have at most, where the host and the container each say something and some of it is
// nonsense. What percentages of memory are percentages of. (contradiction 4, D31)

import { ownOptions } from "../options.js";
import { Cgroups } from "./sources/cgroup-files.js";
import { HOST_OPTIONS, type HostOptions, hostProcess, totalMemory } from "./sources/host.js";

/**
 * The least of the control groups' `max` and `high` from this process's group outwards, of `process.constrainedMemory()`, and of the
 * machine's memory; undefined where none of them is known, as in a page. `constrainedMemory()` answers 0 or 2^64 for "no limit": what is
 * not between 0 and the machine's memory counts for nothing. About 1 ms: for a start, not for a loop.
 */
export function effectiveMemory(options?: HostOptions): number | undefined {
  const host = ownOptions<HostOptions>("effectiveMemory", options, HOST_OPTIONS);
  const groups = new Cgroups(host);
  const limits = groups.levels().flatMap((level) => [level.limit() ?? Infinity, level.usage()?.outerLimit ?? Infinity]);
  groups.close();
  const process = host.process ?? hostProcess();
  const total = totalMemory(host) ?? Infinity;
  const constrained = process?.constrainedMemory?.() ?? 0;
  const least = Math.min(total, ...limits, constrained > 0 ? constrained : Infinity);
  // Without a total, 2^64 is not caught by it.
  return least <= Number.MAX_SAFE_INTEGER ? least : undefined;
}

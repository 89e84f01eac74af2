// Stall source: the share of time in which tasks waited for memory, as the kernel measures it (pressure stall information). It says that
// memory is short whatever the limits say, but late, and hardly at all without swap. About 4 µs a reading.

import { ownOptions } from "../../options.js";
import { describe } from "../../size.js";
import type { PressureSource } from "../source.js";
import { cgroupPaths } from "./cgroup-files.js";
import { fileText, HOST_OPTIONS, HostFile, type HostOptions, numberIn } from "./host.js";
import { percent } from "./swap.js";

export interface PsiSourceOptions extends HostOptions {
  /** Stalled when at least `some` task waited, or when all did (`full`, what systemd-oomd goes by); `full` unless told. */
  kind?: "some" | "full";
  /** The share of the last ten seconds that is pressure 1, in percent; 60 unless told, where systemd-oomd begins to kill. */
  limitPercent?: number;
}

/**
 * A source named `psi`, of the process's own control group where it has one of version 2, else of the machine. Used and limit are percent
 * of time. No reading where the kernel does not measure it. It holds one file open.
 * @throws TypeError, RangeError for a percentage or a kind that is none.
 */
export function psiSource(options?: PsiSourceOptions): PressureSource {
  const own = ownOptions<PsiSourceOptions>("psiSource", options, ["kind", "limitPercent", ...HOST_OPTIONS]);
  const { kind = "full" } = own;
  if (kind !== "some" && kind !== "full") throw new TypeError(`kind must be "some" or "full", got ${describe(kind)}`);
  const limit = percent("limitPercent", own.limitPercent ?? 60);
  const line = new RegExp(`^${kind} avg10=([\\d.]+)`, "m");
  const file = new HostFile(stallFile(own), own);
  return {
    name: "psi",
    read() {
      const used = numberIn(file.read(), line);
      return used === undefined ? null : { used, limit };
    },
    close: () => file.close(),
  };
}

function stallFile(options: HostOptions): string {
  const own = cgroupPaths(fileText("/proc/self/cgroup", options) ?? "", options).find(({ version }) => version === 2);
  const path = own && `${own.directories[0]}/memory.pressure`;
  return path !== undefined && fileText(path, options) ? path : "/proc/pressure/memory";
}

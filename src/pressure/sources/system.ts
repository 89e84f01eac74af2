// System source: the whole machine's memory, all processes together. In a container it is the host's: the limit that counts there is the
// control group's. About 10 µs a reading.

import { ownOptions } from "../../options.js";
import type { PressureSource } from "../source.js";
import { builtin, HOST_OPTIONS, type HostOptions } from "./host.js";
import { MemoryInfo } from "./memory-info.js";

/**
 * A source named `system`: what the kernel could not give to a new program without swapping (MemTotal − MemAvailable; elsewhere than on
 * Linux what `node:os` calls not free, page cache included). It holds one file open.
 */
export function systemSource(options?: HostOptions): PressureSource {
  const host = ownOptions<HostOptions>("systemSource", options, HOST_OPTIONS);
  const info = new MemoryInfo("MemTotal", "MemAvailable", host);
  const os = builtin<{ totalmem(): number; freemem(): number }>("os", host);
  let closed = false;
  return {
    name: "system",
    read() {
      if (closed) return null;
      const [total, available] = info.pair() ?? [os?.totalmem() ?? 0, os?.freemem() ?? 0];
      return total > 0 ? { used: Math.max(0, total - available), limit: total } : null;
    },
    close() {
      closed = true;
      info.close();
    },
  };
}

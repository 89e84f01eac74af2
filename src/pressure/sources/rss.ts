// Resident-set source: what of this process, all its threads together, lies in physical memory. The only one of Node's numbers that sees
// shared WebAssembly memory. It falls late: an allocator keeps pages that nobody uses. 2 µs a reading on Linux, 20 elsewhere.

import { ownOptions } from "../../options.js";
import { parseSize } from "../../size.js";
import { effectiveMemory } from "../effective-memory.js";
import type { PressureSource } from "../source.js";
import { HOST_OPTIONS, HostFile, type HostOptions, hostProcess, numberIn } from "./host.js";

export interface RssSourceOptions extends HostOptions {
  /** Bytes that it should stay below, or a text such as `"512MiB"` or `"50%"` of the effective memory; all of that unless told. */
  limit?: number | string;
}

const PAGE_BYTES = 4096;

/**
 * A source named `rss`. It holds one file open.
 * @throws what parseSize throws for a limit that is no size.
 */
export function rssSource(options?: RssSourceOptions): PressureSource {
  const { limit: given, ...host } = ownOptions<RssSourceOptions>("rssSource", options, ["limit", ...HOST_OPTIONS]);
  const whole = effectiveMemory(host);
  const limit = given === undefined ? whole : parseSize(given, whole);
  const process = host.process ?? hostProcess();
  const statm = new HostFile("/proc/self/statm", host);
  let pageBytes = 0;
  let closed = false;

  const residentPages = (): number | undefined => numberIn(statm.read(), /^\d+ (\d+)/);
  const residentBytes = (): number | undefined => {
    const pages = residentPages();
    if (pages === undefined) return process?.memoryUsage?.rss?.();
    pageBytes ||= pageSize(pages, process?.memoryUsage?.rss?.());
    return pages * pageBytes;
  };

  return {
    name: "rss",
    read() {
      const used = closed || limit === undefined ? undefined : residentBytes();
      return used === undefined ? null : { used, limit: limit! };
    },
    close() {
      closed = true;
      statm.close();
    },
  };
}

/** Bytes of a page, from the same number in both units: nothing tells it in Node. Kernels with 16 and 64 KiB pages are in use. */
function pageSize(pages: number, bytes: number | undefined): number {
  if (bytes === undefined || pages === 0) return PAGE_BYTES;
  return 2 ** Math.min(16, Math.max(12, Math.round(Math.log2(bytes / pages))));
}

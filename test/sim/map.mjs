// Map: what stands in the simulator's memory beyond the region. The core never reaches there: it asks memory.size, which tells it
// the region's pages only.
//
//   0 … region (up to 4 pages)   262 144 shadow bytes   294 912 pages word   295 168 saved globals   303 360 stacks … 327 680

export const REGION_PAGES_MAX = 4;
export const TOTAL_PAGES = 5;
export const PAGE = 65536;

/** One byte for each 8 bytes of the region. */
export const SHADOW = REGION_PAGES_MAX * PAGE;
export const UNITS = SHADOW >>> 3;
/** What memory.size answers. */
export const PAGES_AT = SHADOW + UNITS;
/** The thread-locals of each instance while no schedule runs. */
export const SAVED = PAGES_AT + 256;
export const SAVED_BYTES = 1024;
/** Where asyncify keeps the stack of a thread that was left. */
export const STACKS = SAVED + 8 * SAVED_BYTES;
export const STACK_BYTES = 4096;
/** Instrumented threads at most: a shadow byte has two bits for each. */
export const THREADS_MAX = 4;

export const FUEL = "$simFuel";

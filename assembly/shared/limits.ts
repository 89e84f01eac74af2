// Limits: the largest and smallest values the core accepts. Compiled by asc and by tsc, so integer literals only.

/** Bytes in one WebAssembly page. */
export const WASM_PAGE_BYTES = 65536;
/** Fewest pages a region may have: below this the tables would outweigh the heap. */
export const REGION_PAGES_MIN = 2;
/** Most pages: at 65536 an end offset of 2^32 no longer fits in 32 bits. */
export const REGION_PAGES_MAX = 65535;
/** Most owners (attached threads): an owner's index is one byte, and 0 means nobody. */
export const OWNERS_MAX = 250;
/** Largest request served from a slab; beyond it a page run is used. */
export const SMALL_BYTES_MAX = 8192;
/** Most blocks in one slab: as many as there are free bits in its word. */
export const SLAB_BLOCKS_MAX = 56;
/** Most grains in one slab; the back offset of a grain's word, six bits, could tell twice as many apart. */
export const SLAB_GRAINS_MAX = 32;
/** How many size classes there are; their numbers run from 1 to this. */
export const CLASS_COUNT = 63;
/** Largest alignment that can be asked for. */
export const ALIGN_MAX = 1048576;
/** Most levels of budgets, the root's counted. */
export const BUDGET_DEPTH_MAX = 32;
/** Most bytes of a budget's name or a tag, in UTF-8. */
export const NAME_BYTES_MAX = 56;
/** Most records of a ring. */
export const RING_RECORDS_MAX = 1048576;
/** Most bytes of a ring's records: sums of them are kept modulo 2^32. */
export const RING_BYTES_MAX = 2147483647;

// Status codes: why a call answered what it answered. Compiled by asc and by tsc, so integer literals only.

export const OK = 0;
/** No free block of the class and kind, and no run for one. */
export const FULL = 1;
/** The page lock's holder did not let go within the time allowed; nothing was changed. */
export const BUSY = 2;
/** Larger than the heap: it can never fit. */
export const TOO_LARGE = 3;
/** This instance holds no owner slot. */
export const NOT_ATTACHED = 4;
/** A broken invariant was found; the region refuses further work. */
export const POISONED = 5;
/** No owner slot is free. */
export const NO_SLOT = 6;
/** The memory holds no region of this layout and build. */
export const NOT_A_REGION = 7;
/** The region was closed by its creator. */
export const CLOSED = 8;
/** Not a live block, or not this claim: nothing was changed. */
export const NOT_LIVE = 9;
/** The owner is alive: only the host may say otherwise. */
export const OWNER_ALIVE = 10;

/** A budget's limit leaves no room now. */
export const OVER_LIMIT = 11;
/** As many items as a budget may have. */
export const OVER_ITEMS = 12;
/** More than a budget's limit: it can never fit. */
export const NEVER = 13;
/** The budget was closed. */
export const BUDGET_GONE = 14;
/** Others wait for room in a budget. */
export const OTHERS_FIRST = 17;
/** Other budgets stand below this one. */
export const HAS_CHILDREN = 15;
/** The budget stands as deep as one may. */
export const TOO_DEEP = 16;

/** Done, and the ring is as full as it was said to be high. */
export const RING_IS_HIGH = 20;
/** As many records or bytes as the ring may hold. */
export const RING_FULL = 21;
export const RING_EMPTY = 22;
/** Closed, and nothing is left in it. */
export const RING_ENDED = 23;
/** The oldest record is in the caller's hand; the new one is not in the ring yet. */
export const RING_DROPPED = 24;
/** The record is in the caller's hand, for it is longer than the place for its copy. */
export const RING_TOO_LONG = 25;
/** As many descriptors as a ring may have are held. */
export const RING_NO_DESCRIPTOR = 26;

// Why a cache did not take a value.
/** It, or its key, is longer than a cache may ever hold. */
export const CACHE_TOO_LARGE = 30;
/** Nothing may go to make room: all is protected, too young, or pinned. */
export const CACHE_PROTECTED = 31;
/** What it would displace is asked for more often. */
export const CACHE_NOT_ADMITTED = 32;
/** Its namespace has as much as it may. */
export const CACHE_SPACE_FULL = 33;
/** An entry was evicted and is the caller's to look at; the call is to be made again. */
export const CACHE_SHOWN = 34;
/** Something must go, and the caller wants to say what; the call is to be made again. */
export const CACHE_ASKED = 35;
/** What was loaded may be older than what was said of its key since. */
export const CACHE_OVERTAKEN = 36;

// What `check` can find. `where` beside each is a grain, a class or an owner, as the text in bindings/status.ts says.
export const BAD_CHAIN = 100;
export const BAD_ADJACENT_FREE = 101;
export const BAD_BIN = 102;
export const BAD_TAIL_MARK = 103;
export const BAD_SLAB_TAG = 104;
export const BAD_SLAB_BITS = 105;
export const BAD_SLAB_WORD = 106;
export const BAD_HINT = 107;
export const BAD_EMPTY_HINT = 108;
export const BAD_COMMITTED = 109;
export const BAD_TAIL_BYTES = 110;
export const BAD_USED = 111;
export const BAD_RECORD = 112;
export const BAD_PEAK = 113;
export const BAD_HEADER = 114;
export const BAD_RUN_WORD = 116;
export const BAD_BUDGET = 117;
export const BAD_RESERVATION = 118;
export const BAD_POOL = 119;
export const BAD_RING = 120;
export const BAD_CACHE = 121;
export const BAD_FREE_BYTES = 122;
export const BAD_AUX = 123;

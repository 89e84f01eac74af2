// Layout: where everything stands in a region. Compiled by asc and by tsc, so integer literals only; every other file takes
// its offsets from here. A change of meaning raises LAYOUT_VERSION.
//
// 0        1 536    5 632        8 192                                                      capacity
// ├ header ┼ classes ┼ size table ┼ owner slots … ┼ hints … ┼ homes ┼ bits[] ┼ word[] ┼ aux[] ┼ heap grains … ┤
//
// The sizes of what follows the owner slots depend on the capacity; the header holds their addresses.

export const LAYOUT_VERSION = 3;
/** "CIST" in ASCII. */
export const MAGIC = 1128878932;

/** The heap's unit is the grain: slabs and runs begin and end at one. */
export const GRAIN_BYTES = 1024;
export const GRAIN_SHIFT = 10;

// Header. The first word stays zero for ever: it is what a hint of "no slab" points to.
export const H_NULL = 0;
export const H_MAGIC = 8;
export const H_LAYOUT = 12;
export const H_BUILD = 16;
export const H_CAPACITY = 20;
export const H_MAX_OWNERS = 24;
/** Non-zero: a broken invariant was found; holds its code. */
export const H_POISON = 28;
/** 0 open, REGION_CLOSING while the creator looks whether it is alone, REGION_CLOSED for ever after. */
export const H_CLOSED = 32;
export const REGION_CLOSED = 1;
export const REGION_CLOSING = 2;
export const H_GRAINS = 36;
export const H_FIRST = 40;
export const H_HINTS = 44;
export const H_HINT_WORDS = 48;
export const H_HOMES = 52;
export const H_WORD = 56;
export const H_AUX = 60;
export const H_BITS = 64;
/** Owner that created the region. */
export const H_CREATOR = 68;

// The page lock has a cache line of its own: 0, or the id (generation << 8 | index) of the owner that holds it.
export const H_LOCK = 128;
/** 1: somebody sleeps until the lock is free (a hint: a lost one costs one slice of waiting). */
export const H_WAITERS = 192;
/** 1: a run was freed while the lock was held by another; the next to let go merges it. */
export const H_DEFERRED = 256;

// Counters changed only under the page lock, readable by anyone.
/** Grains that slabs and runs hold. */
export const H_COMMITTED = 320;
/** Most grains ever committed at once. */
export const H_PEAK = 324;
/** Bytes of slabs that no block can use: tails and records. */
export const H_TAIL = 328;
/** Live bytes that the owners' counters missed because their thread died between two words. */
export const H_ADJUST = 332;
/** Bytes of the raw blocks that dead owners' journals named: as much may be missing from the counters, until check has counted. */
export const H_UNDECIDED = 340;
/** How often the page layer was rebuilt after a death or an exception. */
export const H_REBUILDS = 336;

// Free runs by length: three bitmap words and a list head for each of 192 bins.
export const H_BIN_BITS = 384;
export const H_BINS = 448;
export const BIN_COUNT = 192;

// Size classes: two geometries (blocks with and without records), 64 entries of 32 bytes each.
export const CLASSES = 1536;
export const CLASS_ENTRY_SHIFT = 5;
/** Distance from a class's plain geometry to the one with records. */
export const CLASSES_RECORD = 2048;
export const C_SIZE = 0;
/** ceil(2^32 / size): turns the division by the block size into a multiplication. */
export const C_RECIPROCAL = 4;
/** Blocks × size: where the slab's tail begins. */
export const C_BYTES = 8;
export const C_GRAINS = 12;
/** The free bits of a slab in which nothing is taken. */
export const C_FULL = 16;
export const C_BLOCKS = 24;
/** Offset of the first record from the slab's start; 0 in the plain geometry. */
export const C_RECORDS = 28;
/** One byte for each size in steps of 8 up to SMALL_BYTES_MAX: its class. */
export const SIZE_TABLE = 5632;

// Owner slots. Slot 0 is nobody's and stays zero: an instance that is not attached works on it and finds nothing.
export const SLOTS = 8192;
export const SLOT_BYTES = 9600;
/** generation << 2 | state; taken together with S_THREAD by one 64-bit compare-and-swap. */
export const S_STATE = 0;
/** What the host calls the thread (0: nothing), so that it finds its owners when it ends. */
export const S_THREAD = 4;
/** Bytes this owner ever allocated, modulo 2^32, and above them the block it is taking right now (0: none). */
export const S_ALLOC = 8;
export const S_ALLOC_JOURNAL = 12;
/** Bytes this owner ever freed, and above them the block it is giving back right now. */
export const S_FREE = 16;
export const S_FREE_JOURNAL = 20;
/** Sequence of the last claim made in this slot; never goes back, whoever holds the slot. */
export const S_SEQUENCE = 24;
/** Grain at which this owner carved its last slab's end (a hint). */
export const S_BUMP = 32;
/** Bytes of slabs this owner left empty (a hint that bounds them). */
export const S_IDLE = 36;
/** The claim of the Block that was allocated or moved last: low and high half. */
export const S_CLAIM = 40;
/** Why the last allocation answered 0. */
export const S_REASON = 48;
/** The unit of hints this owner is clearing, as an address | 1; 0: none. */
export const S_MARK = 52;
/** Bytes of the Block that S_FREE_JOURNAL names. */
export const S_FREE_BYTES = 56;
/** Where check puts what it found. */
export const S_OUT = 64;
export const S_OUT_WORDS = 64;
/** One record of hints for each size class of raw blocks. */
export const S_HINTS = 384;
export const S_HINT_SHIFT = 7;
/** The same for Blocks, without a stack. */
export const S_BLOCK_HINTS = 8576;
export const S_BLOCK_HINT_SHIFT = 4;

// A record of hints: all of it may be stale or lost, nothing depends on it.
// 0       8         12     16     20           24      28    32     40              128
// ├─ tag ─┼─ slab ──┼ base ┼ size ┼ reciprocal ┼ bytes ┼ top ┼ full ─┼ stack[22] … ──┤
export const R_TAG = 0;
/** Address of the current slab's word in bits[]; 0: none. */
export const R_SLAB = 8;
export const R_BASE = 12;
export const R_SIZE = 16;
export const R_RECIPROCAL = 20;
/** Blocks × size. */
export const R_BYTES = 24;
/** The word of a slab in which nothing is taken. */
export const R_FULL = 32;
export const R_TOP = 28;
/** Heads of slabs that this owner's frees made usable again. */
export const R_STACK = 40;
export const R_STACK_MAX = 22;

// Owner states.
export const OWNER_FREE = 0;
export const OWNER_LIVE = 1;
export const OWNER_DEAD = 2;
/** Being handed out: its counters are not yet its holder's. */
export const OWNER_JOINING = 3;

// word[grain], 32 bits. A head says what begins here; in a slab every grain has one, elsewhere interior grains hold 0.
//   FREE, RUN, FREED:  length in grains << 5 | kind << 3 | type
//   SLAB:              budget << 17 | class << 11 | kind << 9 | back offset << 3 | type
export const T_NONE = 0;
export const T_FREE = 1;
export const T_RUN = 2;
export const T_SLAB = 3;
/** A run given back that nobody has merged yet. */
export const T_FREED = 4;
export const T_MASK = 7;
export const W_BACK_SHIFT = 3;
export const W_TAG_SHIFT = 9;
export const W_CLASS_SHIFT = 11;
export const W_KIND_SHIFT = 3;
export const W_LENGTH_SHIFT = 5;

// bits[grain], 64 bits.
//   head of a live slab:  class << 58 | kind << 56 | a bit for each free block      (tag = class << 2 | kind, never 0)
//   head of a free run:   0 << 56 | previous << 28 | next                            (list of its bin)
//   head of a Block run:  0 << 56 | claim
//   anything else:        tag 0
export const B_TAG_SHIFT = 56;

// Kinds.
export const KIND_RAW = 0;
export const KIND_BUDGET = 1;
export const KIND_BLOCK = 2;
/** @public Payload of structures of ours; nothing uses it yet. */
export const KIND_INTERNAL = 3;

// aux[grain], 32 bits: on the last grain of a free run AUX_TAIL | its head; on the head of a run AUX_IN_FLIGHT until it is counted.
export const AUX_TAIL = 1073741824;
export const AUX_IN_FLIGHT = 1;

// What a journal names is a multiple of 8; below it stands what is done there.
/** The release of this Block was won: its record is empty, its memory not yet given back. */
export const J_WON = 1;
/** The length of this run changes (said to who reads a report; the core only counts). */
export const J_RESIZE = 2;
/** A Block. */
export const J_BLOCK = 4;
export const J_MASK = 7;

// Hints: 256 bitmaps, one bit for each 8 grains (one cache line of bits[]). Bitmap kind * 64 + class: "a slab of this class
// in these grains may have a free block"; bitmap 0: "a slab in these grains may be empty, or a run freed".
export const HINT_EMPTY = 0;
export const HINT_BITMAPS = 256;
export const UNIT_SHIFT = 3;
/** Grains whose slabs prefer one owner: 64 grains, that is one byte of a hint word. */
export const HOME_SHIFT = 6;

// Claims (what a record holds), 56 bits: state << 52 | sequence << 8 | owner.
/** The claim, and 8 bytes for the budget a Block is charged to. */
export const RECORD_BYTES = 16;
export const CLAIM_LIVE = 1;
/** Belongs to the region, not to the thread of its owner's index. */
export const CLAIM_SHARED = 2;
/** Held by a thread that gives back what a dead one left half-way. */
export const CLAIM_SETTLING = 3;
export const CLAIM_STATE_SHIFT = 52;
export const CLAIM_SEQUENCE_SHIFT = 8;

// What `recover` writes to S_OUT, in words.
/** 1: the owner's slot is free again; 0: something of it is still being decided. */
export const REC_DONE = 0;
/** Bytes of the Blocks that it held. */
export const REC_BLOCK_BYTES = 1;
/** Blocks that it held. */
export const REC_BLOCKS = 2;
/** Bytes of Blocks it was taking or giving back. */
export const REC_IN_FLIGHT_BYTES = 3;
/** 1: it held the page lock. */
export const REC_LOCK = 4;
/** What stays undecided: the block, with the journal's marks, and its bytes as far as they are known, at least 1; 0: nothing. */
export const REC_UNDECIDED = 5;
export const REC_UNDECIDED_BYTES = 6;

// What `check` writes to S_OUT, in words.
export const OUT_PROBLEMS = 0;
export const OUT_USED = 1;
export const OUT_FREE = 2;
export const OUT_OVERHEAD = 3;
export const OUT_LARGEST = 4;
export const OUT_FREE_RUNS = 5;
export const OUT_SLABS = 6;
export const OUT_RUNS = 7;
export const OUT_BLOCKS = 8;
export const OUT_QUIET = 9;
/** First of up to 24 pairs (code, where). */
export const OUT_LIST = 10;
export const OUT_LIST_MAX = 24;

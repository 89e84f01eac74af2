// Layout: where everything stands in a region. Compiled by asc and by tsc, so integer literals only; every other file takes
// its offsets from here. A change of meaning raises LAYOUT_VERSION.
//
// 0        1 536    5 632        8 192                                                      capacity
// ├ header ┼ classes ┼ size table ┼ owner slots … ┼ hints … ┼ homes ┼ bits[] ┼ word[] ┼ aux[] ┼ heap grains … ┤
//
// The sizes of what follows the owner slots depend on the capacity; the header holds their addresses.

export const LAYOUT_VERSION = 8;
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
/** @public 1: every free byte of the heap is zero. Never changes. */
export const H_SCRUB = 72;

// The page lock, a latch, has a cache line of its own. A latch is 0, or the id (generation << 8 | index) of the owner that holds it …
export const H_LOCK = 128;
/** … with this bit while somebody sleeps for it … */
export const LATCH_MARK = 2147483648;
/** … or this, an id that no owner has: let go by one who could not mend what it guards. */
export const ABANDONED = 2147483392;
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

// Budgets. The latch of the budget tree has cache lines of its own.
export const H_BUDGET_LOCK = 1216;
/** 1: a reservation was given back while another held the latch; the next to let it go takes it out. */
export const H_LEAVING = 1280;
/** What else was, likewise, in bits: charged Blocks; slabs and runs of budgets. Read together with H_LEAVING. */
export const H_LEAVING_BLOCKS = 1284;
export const LEFT_BLOCKS = 1;
export const LEFT_GRAINS = 2;
/** 1: a slab of a budget may be empty, and charged still (a hint). */
export const H_SPARE = 1288;
// What is being charged this instant, written before it is done: 0, or 1 + the budget (0: none) whose counters change.
export const H_CHARGE = 1344;
/** A second budget whose counters change; 0: none. */
export const H_CHARGE_ALSO = 1348;
/** The word that is the truth of it, and what it becomes. */
export const H_CHARGE_AT = 1352;
/** A list whose first element changes; 0: none. */
export const H_CHARGE_LIST = 1356;
export const H_CHARGE_VALUE = 1360;
export const H_CHARGE_FIRST = 1368;
/** A second word, and what it becomes; 0: none. */
export const H_CHARGE_AT_TOO = 1372;
export const H_CHARGE_VALUE_TOO = 1376;
// Pools: the first free element, and above it the newest chunk, of each.
export const H_NODES = 1408;
export const H_RECORDS = 1416;
export const H_NAMES = 1424;
/** How many ever waited for room in a budget, modulo 2^32. */
export const H_TICKET = 1432;
/** The newest ring. */
export const H_RINGS = 1436;
/** Where the run that is in flight is named once it is there, or was until now; 0: nowhere. */
export const H_NAMING = 1440;
/** The newest cache. */
export const H_CACHES = 1444;
/** How often a name took the place of one that had gone, modulo 2^32: what a number stood for before may be another name's since. */
export const H_NAMES_GONE = 1448;

// A chunk: a run of kind INTERNAL full of elements of one pool, behind a header.
export const CHUNK_NEXT = 0;
/** How many elements it has; of names, how many are taken. */
export const CHUNK_COUNT = 4;
export const CHUNK_HEADER = 64;

// A budget.
/** generation << 2 | state. */
export const B_STATE = 0;
/** @public Id of the owner that closes it; written and read together with B_STATE. */
export const B_CLOSER = 4;
export const B_PARENT = 8;
export const B_NAME = 12;
export const B_LIMIT = 16;
/** Its own reservations' bytes, and for each child the larger of what it uses and its minimum. */
export const B_USED = 24;
/** What B_USED becomes by the charge that the journal names; else of no meaning. */
export const B_AFTER = 32;
export const B_PEAK = 40;
export const B_MIN = 48;
export const B_SOFT = 56;
export const B_ITEMS = 64;
export const B_ITEMS_AFTER = 68;
export const B_ITEMS_MAX = 72;
export const B_NEXT = 76;
/** Those that wait for room in it: first and last. */
export const B_QUEUE = 80;
/** 1: no parent. */
export const B_DEPTH = 88;
export const B_PRIORITY = 92;
/** How many charges it refused, modulo 2^32. */
export const B_REFUSED = 96;
/** How full it is, 0 … 4: as many levels as have been entered and not left again. */
export const B_LEVEL = 100;
/** From where, and how far, B_USED may move before B_LEVEL must be looked at again. */
export const B_BAND_LOW = 104;
export const B_BAND_WIDTH = 112;
/** How far below its entry a level is left: a share of the limit, as a 64-bit float. */
export const B_LEVEL_GAP = 120;
/** Where the levels 1 to 4 are entered, likewise. */
export const B_LEVEL_ENTRIES = 128;
/** What is not plain about it; 0 lets a charge pass without a look at what stands behind. */
export const B_FLAGS = 160;
/** It has a minimum. */
export const FLAG_MIN = 1;
/** Somebody waits in it. */
export const FLAG_QUEUE = 2;
/** Some budget below it has, or had, a minimum. */
export const FLAG_BELOW = 4;
/** How many requests may be granted before one that waits first in it. */
export const B_BYPASS = 164;
/** Bytes that a request found no room for and that nobody has given back yet: whoever can is asked to. A hint. */
export const B_WANTED = 168;
/** One bit for each size class: a slab of that class of this budget may have a free block (a hint). */
export const B_ROOMY = 176;
/** Where its raw blocks come from: for each class the address of a slab's word in bits[]; 0: none (hints). */
export const B_SLABS = 184;
export const BUDGET_LEVELS = 4;
export const NODE_BYTES = 448;
export const NODE_CHUNK_GRAINS = 4;

// States of a budget.
export const BUDGET_FREE = 0;
export const BUDGET_OPEN = 1;
/** Nothing is granted any more; what is left in it is being given back. */
export const BUDGET_CLOSING = 2;

// A reservation's record.

/** @public state << 52 | sequence << 8 | owner, as a Block's; 0: free. It is the record's address too. */
export const V_CLAIM = 0;
export const V_BYTES = 8;
export const V_BUDGET = 16;
export const V_TAG = 20;
/** The next of the free ones, or of those that wait behind it. */
export const V_NEXT = 24;
/** Its place among all that ever waited. */
export const V_TICKET = 28;
/** The budget in whose queue it waits. */
export const V_WAITS = 32;
/** How many were granted before it while it was first there; at most B_BYPASS of that. */
export const V_PASSED = 36;
export const RESERVATION_BYTES = 40;
export const RECORD_CHUNK_GRAINS = 2;

// A name: of a budget, a ring or a cache, or the tag of a reservation. Its length; 0: its place is free.
export const N_LENGTH = 0;
/** What it is used as, or was found to be: NAME_KEPT, NAME_USED. */
export const N_USE = 4;
export const NAME_KEPT = 1;
export const NAME_USED = 2;
export const N_TEXT = 8;
export const NAME_BYTES = 64;
export const NAME_CHUNK_GRAINS = 1;

// What openBudget reads from S_OUT, in words.
export const OPEN_LIMIT = 0;
export const OPEN_MIN = 2;
export const OPEN_SOFT = 4;
export const OPEN_ITEMS_MAX = 6;
export const OPEN_PRIORITY = 7;
export const OPEN_BYPASS = 8;
// What it writes there.
export const OPENED_STATE = 0;
/** 1: it was open before. */
export const OPENED_BEFORE = 1;

// What setBudgetLevels reads from S_OUT, in words: where each level is entered, and how far below it is left; 64-bit floats.
export const LEVELS_ENTRIES = 0;
export const LEVELS_GAP = 8;

// What closeBudget writes to S_OUT, in words: the reservations that were still there, and their bytes.
export const CLOSED_COUNT = 0;
export const CLOSED_BYTES = 2;

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
/** The budget that refused this owner's last charge; 0: none did. */
export const S_REFUSER = 60;
/** Changes whenever something that this owner waits for was decided; who waits sleeps on it. */
export const S_WAKE = 320;
/** Changes whenever a charge of this owner changed a budget's level. */
export const S_CROSSED = 324;
/** A record of hints, as far as R_FULL, for the slab of a budget that this owner freed into last. */
export const S_RECENT_IN = 336;
/** The name that this owner asked for last, to make something of it: it does not go before that is there. */
export const S_NAMED = 328;
/** Where check puts what it found. */
export const S_OUT = 64;
export const S_OUT_WORDS = 62;
/**
 * Where the block is that a realloc moves, or has shortened, from when its bytes are there until the call is over; 0: in none is. And the raw block that was given
 * back, while what follows from that is seen to; 0: none. An exception leaves them, so whoever catches it knows what was done.
 */
export const S_MOVED = 312;
export const S_GIVEN = 316;
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
//   SLAB:              class << 11 | kind << 9 | back offset << 3 | type
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
/** Structures of ours. */
export const KIND_INTERNAL = 3;

// aux[grain], 32 bits: on the last grain of a free run AUX_TAIL | its head; on the head of a run AUX_IN_FLIGHT until it is counted, and
// then, as on that of a slab, the budget it is charged to (of kind BUDGET always; charged.ts).
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
export const RECORD_BYTES = 16;
/** Distance from a Block's claim to the word that says which budget it is charged to; a run's stands in aux[]. */
export const RECORD_CHARGE = 8;
/** That word, as aux[] of a run or slab of a budget, is 0 (none), or the budget's address >> CHARGE_SHIFT << 1: nodes stand at multiples of 64. */
export const CHARGE_SHIFT = 6;
export const CLAIM_LIVE = 1;
/** Belongs to the region, not to the thread of its owner's index. */
export const CLAIM_SHARED = 2;
/** Held by a thread that gives back what a dead one left half-way. */
export const CLAIM_SETTLING = 3;
/** Given back by its holder: a reservation while another held the latch, a charged Block always. Whoever meets it does the rest. */
export const CLAIM_LEAVING = 4;
/** A reservation that is not charged yet: it waits for room. */
export const CLAIM_WAITING = 5;
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
/** Reservations that it held, and their bytes (two words). */
export const REC_RESERVATIONS = 7;
export const REC_RESERVED_BYTES = 8;
/** Records of rings, and places for such, that it had in hand. */
export const REC_RECORDS = 10;
/** Entries of caches that it was filling, or had pinned. */
export const REC_ENTRIES = 11;

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

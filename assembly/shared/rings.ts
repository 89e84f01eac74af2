// Rings: where everything stands in one, and what its words say. Compiled by asc and by tsc, so integer literals only; part of the layout.
//
// A ring: one run of kind INTERNAL,
//
// 0         1 024                              …
// ├ control ┼ a party for each owner index, 128 B ┼ slots, 8 B each ┤
//
// and descriptors in runs of their own. In the control, lines that different threads write are 128 bytes apart.

/** state (RING_…) … */
export const Q_STATE = 0;
/** @public … and read and written together with it the id of the owner that takes the ring apart. */
export const Q_CLOSER = 4;
/** The next older ring. */
export const Q_NEXT = 8;
export const Q_NAME = 12;
/** How many slots there are, less one. */
export const Q_MASK = 16;
export const Q_SLOTS = 20;
export const Q_PARTIES = 24;
/** The budget that its payload is charged to (0: none), and its state word. */
export const Q_BUDGET = 28;
export const Q_BUDGET_STATE = 32;
/** What becomes of a record that there is no place for (POLICY_…), and of one that a dead consumer held (DELIVER_…). */
export const Q_POLICY = 36;
export const Q_DELIVERY = 40;
/** Most records that its limit may be raised to. */
export const Q_CAPACITY_MAX = 44;
/** How many descriptors there are, and how many of them are in use in turn (a hint that follows how many records are queued). */
export const Q_DESCRIPTORS = 48;
export const Q_WINDOW = 52;
/** How many records are or were to be delivered again, modulo 2^32. */
export const Q_AGAIN = 56;
/** Its run's length in grains. */
export const Q_GRAINS = 60;
/** Most records, and most bytes, at once. */
export const Q_LIMIT = 64;
export const Q_LIMIT_BYTES = 68;
/** From how many records on it is said to be high, and down to how many that lasts. */
export const Q_HIGH = 72;
export const Q_LOW = 76;
/** 1: it was said to be high, and is not yet low again. */
export const Q_IS_HIGH = 80;
/** Eight words that mean something to the bindings only; they never change. */
export const Q_CONFIG = 96;
/** Addresses of the chunks of descriptors: 32, 32, 64, 128 … of them. */
export const Q_CHUNKS = 128;
export const RING_CHUNKS_MAX = 24;
/** sequence << 32 | bytes, modulo 2^32 each: of the next record, and of all before it … */
export const Q_TAIL = 256;
/** … and of the oldest that is queued. */
export const Q_HEAD = 384;
/** How far behind each of them stands how often its sequence came to a multiple of 2^30, modulo 2^32. */
export const LAPS = 8;
/** Changes when there is something to take, for who said so in the word behind it that it sleeps for that. */
export const Q_ITEMS = 512;
/** The same when there is room. */
export const Q_ROOM = 640;
export const RING_CONTROL_BYTES = 1024;

// A party: what one owner notes of a ring. Only its thread writes it.
/** Id of the owner that uses the ring; 0: it does not. */
export const P_OWNER = 0;
/** Which descriptor to look at next (a hint). */
export const P_CURSOR = 4;
/** The descriptor that is kept in hand for the next record; 0: none. */
export const P_KEPT = 8;
/** The descriptor that a call has in hand this instant; found set later, an exception cut that call. */
export const P_HAND = 12;
/** The head and, of the tail, the sequence, as they were seen last; they only move on. */
export const P_HEAD = 16;
export const P_TAIL = 24;
/** How often tail and head had come round when they were seen. */
export const P_TAIL_LAPS = 48;
export const P_HEAD_LAPS = 52;
/** What Q_AGAIN was when it looked for those and found none. */
export const P_AGAIN = 56;
/** How often in a row it went round the descriptors in use and found that few of them were. */
export const P_IDLE = 60;
/**
 * For how many records in a row it kept no descriptor, and had to look for one: from the second on others seem to take what it puts in, and after
 * each record it takes the next descriptor ahead of time, and stays so until it gives one back itself.
 */
export const P_AHEAD = 84;
/** Most records it ever saw queued. */
export const P_PEAK = 28;
/** Records it dropped to make room << DROPPED_SHIFT | the descriptor that is being counted >> DESCRIPTOR_SHIFT. */
export const P_DROPPED = 32;
/** Records lost with owners of this index that died, in the same way. */
export const P_LOST = 64;
/** Records it was refused a place for. */
export const P_REFUSED = 40;
/** How often its thread waited for the ring, waited in vain, made it larger; how long it waited, in milliseconds (a 64-bit float). */
export const P_WAITS = 72;
export const P_TIMEOUTS = 76;
export const P_RESIZES = 80;
export const P_WAITED = 88;
export const PARTY_BYTES = 128;
export const DROPPED_SHIFT = 28;

// A descriptor: a record, or a place for one. Four of them share two cache lines:
//
//   0             16            32            48            64             80            96            112          128
//   ├ word length tag ┼ … of the 2nd ┼ … of the 3rd ┼ … of the 4th ┼ block room claim ┼ … of the 2nd ┼ … of the 3rd ┼ … of the 4th ┤
//
// What each record changes stands in the one, so that it travels between producer and consumer with three others; what stays as
// long as the payload does stands in the other, which then lies in the caches of both.
/** sequence << 32 | flags | owner << 8 | state: the truth of who has it. */
export const D_WORD = 0;
export const D_LENGTH = 8;
export const D_TAG = 12;
/** Its payload, how much fits there, and by which claim it is a Block of the ring's; no claim: it has none. */
export const D_BLOCK = 64;
export const D_ROOM = 68;
export const D_CLAIM = 72;
/** How far apart they stand in a group, and groups from each other; which of its group an index is. */
export const DESCRIPTOR_SHIFT = 4;
export const GROUP_SHIFT = 7;
export const GROUP_LENGTH_SHIFT = 2;
export const IN_GROUP = 3;
/** What each takes, its share of both lines. */
export const DESCRIPTOR_BYTES = 32;
/** Descriptors of the first chunk; the one after it has as many, each further one as all before it. */
export const CHUNK_FIRST = 32;

/** A payload this much larger than what it is to hold goes back, if it is larger than that. */
export const ROOMY_SHIFT = 2;
export const ROOMY_MIN = 2048;

// States of a descriptor.
export const D_FREE = 0;
/** About to be put in its slot, by its owner; once the slot of its sequence names it, anybody's who takes it. */
export const D_READY = 1;
export const D_TAKEN = 2;
/** Taken to make room. */
export const D_DROPPING = 3;
/** Its consumer died: it is delivered once more, ahead of all others. */
export const D_AGAIN = 4;
/** In hand: to be filled, kept, or its payload goes back. */
export const D_HELD = 5;
export const D_STATE_MASK = 255;
export const D_OWNER_SHIFT = 8;
/** Not for the first time. */
export const D_REDELIVERED = 65536;
/** Above it stands for whom of several the bindings have it in hand. */
export const D_MARK_SHIFT = 17;

/** In a slot, where a descriptor's address would stand: nothing follows. */
export const SLOT_CLOSED = 1;

/** The mark of its end, in its slots, says whether something may still be added. */
export const RING_OPEN = 1;
/** Being taken apart by Q_CLOSER. */
export const RING_GOING = 2;

export const POLICY_REFUSE = 0;
export const POLICY_DROP_OLDEST = 1;
export const DELIVER_ONCE = 0;
export const DELIVER_AGAIN = 1;

// What openRing reads from S_OUT, in words …
export const RING_CAPACITY = 0;
export const RING_CAPACITY_MAX = 1;
export const RING_BYTES = 2;
export const RING_POLICY = 3;
export const RING_DELIVERY = 4;
export const RING_HIGH = 5;
export const RING_LOW = 6;
export const RING_BUDGET = 7;
export const RING_BUDGET_STATE = 8;
/** The sequence of its first record. */
export const RING_FIRST = 9;
/** What Q_CONFIG becomes. */
export const RING_CONFIG = 11;
// … and writes there.
/** 1: it was there before. */
export const RING_BEFORE = 0;
/** What a call has in hand for the caller. */
export const RING_IN_HAND = 0;
/** Length and tag of what ringPop copied. */
export const RING_POPPED_TAG = 1;
/** How many bytes ringPopMany wrote. */
export const RING_WRITTEN = 2;

// How many records stand one after the other outside a ring: of each its length and its tag, then its bytes, each at a multiple of 8.
export const FRAME_TAG = 4;
export const FRAME_BYTES = 8;

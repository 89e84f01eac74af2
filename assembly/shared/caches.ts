// Caches: where everything stands in one, and what its words say. Compiled by asc and by tsc, so integer literals only; part of the layout.
//
// A cache: one run of kind INTERNAL,
//
// 0         4 672                         …
// ├ control ┼ namespaces, 896 B each ┼ a user for each owner index, 256 B ┼ an ear for each, 8 B ┤
//
// and Blocks of the region's, each a whole page run: pages of entries, pages of the table, pages of addresses of those.
//
//   table page, 4 KiB:  32 buckets of 128 B                                   address page, 4 KiB: 1 024 addresses of table pages
//   entry page, 4 KiB:  header 64 B │ slots of one length                    long entry, as many grains as it needs: header 64 B │ one slot

/** state (CACHE_…) … */
export const K_STATE = 0;
/** @public … and read and written together with it the id of the owner that takes the cache apart. */
export const K_CLOSER = 4;
/** The next older cache. */
export const K_NEXT = 8;
export const K_NAME = 12;
/** Its run's length in grains. */
export const K_GRAINS = 16;
/** The budget that its pages are charged to (0: none), and its state word. */
export const K_BUDGET = 20;
export const K_BUDGET_STATE = 24;
export const K_USERS = 28;
export const K_SPACES = 32;
export const K_SPACE_COUNT = 36;
/** The key of the hash, two words of 64 bits. */
export const K_SEED = 40;
/** How many buckets there are; a thread that reads it finds the pages of all of them. */
export const K_BUCKETS = 56;
/** One bit for each 32 owner indexes and each of those: it may have a pin. */
export const K_PINNING = 64;
/** Words that mean something to the bindings only. */
export const K_CONFIG = 96;
export const CONFIG_WORDS = 18;
/** One bit for each owner index: its ear's ring is there, so that it is worth telling. */
export const K_HEARING = 192;

/** The latch of who changes the cache, alone in its lines. */
export const K_LATCH = 256;

// Under the latch.
/** The entry that is being put in; it is in as soon as its place in the table names it. */
export const K_NEW = 384;
/** The entry that is being taken out; it is out as soon as its place in the table does not name it. */
export const K_OLD = 388;
/** How many buckets there were before the one that is being added; 0: none is. */
export const K_SPLIT = 392;
/** A Block that is the cache's but not linked anywhere (0: none), and the claim by which it is. */
export const K_PAGE = 396;
export const K_PAGE_CLAIM = 400;
/** 1: an entry was deleted by who did not get the latch. */
export const K_DEAD = 408;
/** Entries that are out and pinned still: the first. */
export const K_LIMBO = 412;

export const K_ITEMS = 416;
/** Bytes of the slots that are taken. */
export const K_BYTES = 420;
/** Bytes of the values in the table. */
export const K_VALUES = 424;
/** Bytes of all slots there are. */
export const K_SLOTS = 428;
/** Bytes of everything: this run, and all Blocks. */
export const K_HELD = 432;
/** Most of them ever. */
export const K_PEAK = 436;
/** What counts as an entry's size to the policy: of those in the window, and of the others. */
export const K_WINDOW = 440;
export const K_MAIN = 444;
/** An empty page that is kept; 0: none. */
export const K_SPARE = 448;
/** The first of all entry pages. */
export const K_ALL = 452;
/** Buckets for those that overflow: the first free one. */
export const K_MORE = 456;
/** Where `sieve` looks next. */
export const K_HAND = 460;
/** How old everything is: the highest rank that was evicted (a 64-bit float). */
export const K_AGE = 464;
/** How many entries were put in or touched, modulo 2^52 (a 64-bit float). */
export const K_TICK = 472;
/** Entries that may expire. */
export const K_MORTAL = 480;
/** The page that the search for what has expired goes on with. */
export const K_SWEEP = 484;
/** Bytes of all that holds no entries: the cache's own run and its table. How many entries are long. */
export const K_TABLE = 488;
export const K_LONG = 492;
/** The newest page of buckets in which others go on. */
export const K_MORE_PAGES = 496;

// What it may hold; 4 294 967 295: no limit.
export const K_MAX_BYTES = 512;
export const K_MAX_VALUES = 516;
export const K_MAX_ITEMS = 520;
/** POLICY_… */
export const K_POLICY = 524;
/** What counts as an entry's size (MEASURE_…). */
export const K_MEASURE = 528;
/** How the policy `hybrid` weighs size (FAVOUR_…). */
export const K_FAVOUR = 532;
/** For how many tenths of a second an entry stays. */
export const K_RETENTION = 536;
/** 1: also what is of high priority goes. */
export const K_CRITICAL = 540;

// Counters, changed under the latch, modulo 2^32: why entries went, and why values were refused (OUT_OF_…, REFUSED_…).
export const K_GONE = 576;
export const K_REFUSED = 608;
/** How many were put in. */
export const K_SETS = 640;
/** How many took the place of one of the same key. */
export const K_REPLACED = 644;
/** How often an entry moved to another page of its length. */
export const K_MOVED = 648;
/** Ages at eviction, in seconds: how many below 1, 2, 4 … */
export const K_AGES = 656;
export const AGES = 16;

/** For each number of slots in a page: the first page with that many that has room. */
export const K_ROOM = 768;
export const PAGE_SLOTS_MAX = 63;
/** Addresses of the address pages. */
export const K_PAGES = 1024;
export const ADDRESS_PAGES_MAX = 64;

/** The undo log: of each word what it was << 32 | its address, and a 0 behind the last. */
export const K_LOG = 1280;
export const LOG_MAX = 341;
/** What an entry would displace, while that is counted together. */
export const K_VICTIMS = 4016;
export const VICTIMS_MAX = 16;

// Loads, in lines of their own: each key that is being loaded has a claim, overtaken << 63 | id of the owner that loads << 32 | low half of the key's hash.
export const K_LOADS = 4096;
export const LOADS_MAX = 64;
/** What who waits for a load sleeps on, and whether anybody does. */
export const K_BELL = 4608;
/** No claim stands behind so many. */
export const K_LOADING = 4616;
/** The claim whose value is being put in (0: none), and its entry. */
export const K_LOAD = 4620;
export const K_LOADED = 4624;
export const CACHE_CONTROL_BYTES = 4672;

// A namespace.
/** One bit for each list that is not empty. */
export const N_LISTS = 0;
export const N_ITEMS = 8;
/** Bytes of its slots. */
export const N_BYTES = 12;
export const N_MAX_ITEMS = 16;
export const N_MAX_BYTES = 20;
/** Sixty-four lists: first and last. */
export const N_HEADS = 64;
/** For each list, what is to be looked at next by who counts together what an entry would displace. */
export const N_CURSORS = 576;
export const LISTS = 64;
export const SPACE_BYTES = 896;

// A user: what one owner notes of a cache. Only its thread writes it.
/** Id of the owner that uses the cache; 0: it does not. */
export const U_OWNER = 0;
/** The slot that it fills, and has not put in. */
export const U_RESERVED = 4;
/** By which claim the value that it puts in was loaded, counted from 1; LOAD_UNCLAIMED: by none; 0: it was not loaded. */
export const U_LOAD = 8;
export const LOAD_UNCLAIMED = 65;
/** A word that means nothing: its thread adds nothing to it, so that what it reads before is read before, or writes there what it need not have read yet. */
export const U_FENCE = 12;
/** What the last lookup found. */
export const U_ENTRY = 16;
export const U_VALUE = 20;
export const U_LENGTH = 24;
export const U_TAG = 28;
/** When it expires, in milliseconds (a 64-bit float); 0: never. */
export const U_EXPIRES = 32;
/** How many lookups found something, and how many did not, modulo 2^32. */
export const U_HITS = 40;
export const U_MISSES = 44;
/** How many places for pins it has used at most. */
export const U_PINS = 48;
/** @public An entry that was evicted and is shown to its evictor; 0: none. */
export const U_SHOWN = 52;
/** Why it went. */
export const U_WHY = 56;
/** In how many pieces what the last lookup found is, or what is to be filled; then U_VALUE is where their addresses stand. 0: it is in one. */
export const U_PIECES = 60;
/** Addresses of the entries that it pins. */
export const U_PINNED = 64;
export const PINS_MAX = 48;
export const USER_BYTES = 256;

// An ear, one for each owner index, behind the users.
/** The name of the ring by which that owner hears what others evict; 0: it does not. */
export const EAR_NAME = 0;
/** @public How many evictions could not be told to it. */
export const EAR_MISSED = 4;
export const EAR_BYTES = 8;

// A page of entries.
/** How many slots it has; 0: a long entry's. */
export const PAGE_COUNT = 0;
export const PAGE_LENGTH = 4;
export const PAGE_USED = 8;
/** The first free slot that was used before. */
export const PAGE_FREE = 12;
/** The first slot that never was. */
export const PAGE_FRESH = 16;
/** Those with room, and all. */
export const PAGE_NEXT = 20;
export const PAGE_BEFORE = 24;
export const PAGE_ALL_NEXT = 28;
export const PAGE_ALL_BEFORE = 32;
export const PAGE_GRAINS = 36;
export const PAGE_HEADER = 64;
export const PAGE_BYTES = 4096;
/** Bytes behind its header, in multiples of 16 a slot; and the longest of those that share a page. */
export const PAGE_ROOM = 4032;
export const SLOT_MAX = 2016;

// An entry.
/** The low half of its key's hash; of a free slot the next one. */
export const E_HASH = 0;
/** Its place in the table. */
export const E_PLACE = 4;
export const E_BEFORE = 8;
export const E_NEXT = 12;
export const E_VALUE_LENGTH = 16;
/** kind of key << 14 | its length, and above that the distance from its page, in 16 bytes. */
export const E_KEY = 20;
export const KEY_KIND_SHIFT = 14;
export const KEY_LENGTH_MASK = 16383;
/** state | list << 8 | frequency << 16 | priority << 24 */
export const E_STATE = 24;
export const LIST_SHIFT = 8;
export const LIST_MASK = 65280;
export const FREQUENCY_SHIFT = 16;
export const FREQUENCY_MASK = 16711680;
export const PRIORITY_SHIFT = 24;
/** When it was put in, in tenths of a second. */
export const E_CREATED = 28;
/** By what it is ranked (a 64-bit float). */
export const E_RANK = 32;
/** When it expires, in milliseconds (a 64-bit float); 0: never. */
export const E_EXPIRES = 40;
/** DEAD_…: whether it was deleted. */
export const E_DEAD = 48;
export const E_SPACE = 49;
/** What its value is, as the bindings say. */
export const E_TAG = 50;
/** How many pages its value is in, whose addresses stand in its place; 0: the value itself stands there. */
export const E_PIECES = 52;
export const E_TEXT = 56;

/** It was deleted. */
export const DEAD_DELETED = 1;
/** A copy took its place before anybody deleted it: who deletes looks for that. */
export const DEAD_MOVED = 2;

// States of an entry.
export const ENTRY_FREE = 0;
/** Being filled by who has it in U_RESERVED. */
export const ENTRY_RESERVED = 1;
export const ENTRY_LIVE = 2;
/** Its content stands elsewhere now. */
export const ENTRY_MOVED = 3;
/** Out, and pinned or shown still. */
export const ENTRY_LIMBO = 4;

// A bucket: places of entries, hits << 56 | tag << 32 | address each, and how often keys that belong there were asked for lately.
// 0         4        8                 96                      127
// ├ version ┼ … more ┼ 11 places, 8 B ─┼ sketch: 62 counters ─┼ adds ┤
/** Changes whenever something in it did. */
export const BUCKET_VERSION = 0;
/** The bucket that goes on where this one ends; 0: none. */
export const BUCKET_NEXT = 4;
export const BUCKET_PLACES = 8;
export const PLACES = 11;
export const BUCKET_SKETCH = 96;
/** How much was added to its sketch since that was halved: one byte. */
export const BUCKET_ADDS = 127;
export const BUCKET_BYTES = 128;
export const BUCKET_SHIFT = 7;
/** Distance from a place to the byte of it that counts hits. */
export const PLACE_HITS = 7;
/** Of a place's upper half, the tag. */
export const TAG_MASK = 16777215;
export const TABLE_PAGE_BUCKETS = 32;
/** Entries to a bucket, beyond which another is added. */
export const BUCKET_LOAD = 5;
/** A page of buckets in which others go on: in place of its first bucket the page before it. */
export const MORE_NEXT = 0;
/** Most buckets that one goes on in. */
export const CHAIN_MAX = 6;

export const CACHE_OPEN = 1;
/** Being taken apart by K_CLOSER. */
export const CACHE_GOING = 2;

export const CACHE_HYBRID = 0;
export const CACHE_LRU = 1;
/** @public */
export const CACHE_FIFO = 2;
export const CACHE_LFU = 3;
export const CACHE_TTL = 4;
export const CACHE_SIZE = 5;
export const CACHE_PRIORITY = 6;
export const CACHE_SIEVE = 7;
export const CACHE_S3_FIFO = 8;

export const MEASURE_BYTES = 0;
/** @public */
export const MEASURE_VALUES = 1;
export const MEASURE_ITEMS = 2;

/** Whether fewer requests, both, or fewer bytes are to be missed. */
/** @public */
export const FAVOUR_BOTH = 0;
export const FAVOUR_BYTES = 1;
export const FAVOUR_REQUESTS = 2;

// Why an entry went: it was evicted, expired, deleted, replaced, cleared.
export const GONE_EVICTED = 0;
export const GONE_EXPIRED = 1;
export const GONE_DELETED = 2;
export const GONE_REPLACED = 3;
export const GONE_CLEARED = 4;

// Where K_REFUSED counts what: too large, nothing may go, asked for too seldom, namespace full, no memory, latch not to be had.
export const REFUSED_REASONS = 6;
export const REFUSED_MEMORY = 4;

// What is said beside namespace, priority and tag of a value that is put in: the caller looks at what is evicted, this call goes on with one that answered
// CACHE_SHOWN, the caller wants to say what is to go.
export const ABOUT_LOOKS = 16777216;
export const ABOUT_GOES_ON = 33554432;
export const ABOUT_ASKS = 67108864;

// What openCache reads from S_OUT, in words.
export const CACHE_MAX_BYTES = 0;
export const CACHE_MAX_VALUES = 1;
export const CACHE_MAX_ITEMS = 2;
export const CACHE_POLICY = 3;
export const CACHE_MEASURE = 4;
export const CACHE_FAVOUR = 5;
export const CACHE_RETENTION = 6;
export const CACHE_BUDGET = 7;
export const CACHE_BUDGET_STATE = 8;
export const CACHE_SPACES = 9;
export const CACHE_SEED = 10;
export const CACHE_CONFIG = 16;
/** Of each namespace but the first: how many entries, and how many bytes of them, it may have. */
export const CACHE_LIMITS = 34;
/** Most namespaces, the first not counted: as many as S_OUT has room for. */
export const CACHE_SPACES_MAX = 12;
// … and writes there.
/** 1: it was there before. */
export const CACHE_BEFORE = 0;

// What cacheKeys writes of each key: kind << 14 | length, length of its value, when it expires; then the key, at a multiple of 8.
export const KEYS_VALUE_LENGTH = 4;
export const KEYS_EXPIRES = 8;
export const KEYS_HEADER = 16;

// What cacheCandidates writes of each entry, likewise.
export const CANDIDATE_BYTES = 8;
export const CANDIDATE_AGE = 12;
export const CANDIDATE_PRIORITY = 16;
export const CANDIDATE_FREQUENCY = 20;
export const CANDIDATE_HEADER = 24;

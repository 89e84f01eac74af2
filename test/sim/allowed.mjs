// Allowed: the plain accesses that may race with others, by the word they work on, each with its reason. Everything else that the
// detector reports is a violation. A word is named by the layout, never by an address.

import { budgetHeaderWord, chunkWord } from "./budgetwords.mjs";
import { ATOMIC_LOAD, COPY_FROM, LOAD, RMW } from "./instrument.mjs";
import { cacheWord } from "./cachewords.mjs";
import { ringWord } from "./ringwords.mjs";

/** The word's name → why a race there is harmless. */
const REASONS = {
  "bits[]": "a slab's word is read plainly where a compare-and-swap on it, or an atomic look, validates what was read",
  S_ALLOC: "one writer; journal and count are one aligned store that others read atomically as a whole",
  S_FREE: "one writer; journal and count are one aligned store that others read atomically as a whole",
  S_MARK: "one writer; an aligned word that others read atomically as a whole",
  R_SLAB: "one writer; a hint that names a slab, whose word is looked at before anything is done with it",
  R_BASE: "one writer; a hint",
  R_TOP: "one writer while the owner lives; a hint that says where to look for a slab",
  homes: "a byte that says whose slabs to prefer; stale or lost it costs time only",
  H_COMMITTED: "read without the lock to decide whether there is plenty; written under it",
  "word[]":
    "a head read under the lock while a free changes RUN to FREED by compare-and-swap: either is right to act on",
  H_DEFERRED: "a flag that asks for one more look",
  V_CLAIM:
    "written under the latch by one aligned store; looked at without it, and whatever was seen is looked at again under it, or swapped",
  H_NULL: "it stays zero: a charge of memory writes a zero there",
  B_STATE: "written under the latch; looked at without it to find what a dead owner was closing, and again under it",
  B_CLOSER: "one aligned word with B_STATE",
  B_USED: "written under the latch; one aligned word that anybody may read for its statistics",
  B_PEAK: "the same",
  B_LIMIT: "the same",
  B_FLAGS:
    "written under the latch; who leaves a slab empty looks whether somebody waits, who begins to wait looks for empty slabs after it said so",
  B_PARENT:
    "written before the budget is open; looked at from a slab that may be another's by then, to find whether somebody waits",
  B_SLABS: "an aligned word; a hint that names a slab, at whose word and aux[] who takes a block looks",
  B_ROOMY: "a hint; written plainly before the budget is open only",
  D_WORD:
    "an aligned word; stored plainly by who has the descriptor in hand only: READY before the slot's compare-and-swap says so to others, HELD while it is kept (the bindings free it by an atomic store of its lower half). Whoever else looks finds it in nobody's hand that he could take it from, or at the sequence of an older record",
  D_LENGTH:
    "read by who helps the tail or the head on, before the compare-and-swap that succeeds only while the record was there",
  Q_TAIL:
    "an aligned word that only compare-and-swaps move on; read plainly where the one of the slot that follows succeeds only while it is so",
  Q_HEAD: "the same, by the one of the descriptor",
  "a ring's slot":
    "an aligned word that only compare-and-swaps change; read plainly where one of it, or of the descriptor it names, follows",
  LAPS: "an aligned word; seen late it is that of a round before, of which nothing that a party saw is older than a quarter",
  Q_LIMIT: "an aligned word; a record that is put in this instant may go by the limit before",
  Q_LIMIT_BYTES: "the same",
  Q_HIGH: "the same",
  Q_AGAIN: "an aligned word that only grows; seen late the record is taken by the next call",
  D_CLAIM: "looked at by check, which looks once more whether word and claim are what they were",
  D_BLOCK: "the same",
  D_ROOM: "the same",
  "a place's hits and tag":
    "the byte in which anybody counts hits: one that is lost, or counts for who stands there since, changes an order only; the tag is looked at to find what may match, and again with the whole word",
  K_LIMBO: "an aligned word; who unpins looks whether there is something to be freed, and again under the latch",
  K_DEAD: "an aligned word; looked at before and after the latch is let go, and written atomically by who has no latch",
  K_POLICY:
    "an aligned word; who looks something up asks whether hits are ordered: one by the policy before costs an order only",
};

/**
 * Functions that look at entries without the latch, by plain loads: at a header's words that say whether it is the key's, at the key, and at what the
 * caller is told. By then the slot may be another entry's, or its page something else.
 */
const LOOKERS = new Set([
  "table/find",
  "table/lookIn",
  "lookup/cacheCopy",
  "lookup/cacheGet",
  "lookup/look",
  "memory/copyShort",
  "memory/copyValue",
  "cache/pinUpTo",
  "cache/markDeleted",
  "cachekeys/cacheKeys",
]);
/** What the page of an entry may have become: an entry again, a page of the table, what anybody took of the region. */
const ENTRY_WORD =
  /^(E_(KEY|DEAD|TEXT|VALUE_LENGTH|EXPIRES|\w+)|a place|a place's hits and tag|a sketch|a page of addresses|BUCKET_\w+|a cache page's header|a block)$/;
const COMPARED =
  "a look at what was the entry when its place was read: the bucket's version is compared after it, and was raised before the slot was given on";
const BYTES_BESIDE =
  "the byte that says it was deleted is swapped by who has no latch; its holder reads the bytes beside it, which no one changes while the entry is in";

/** Functions that look at the records of slabs which nothing keeps, so that anything may come there meanwhile, and why that is harmless. */
const GLANCES = {
  "charged/visit":
    "what looks like a claim of the owner, or a charge of the budget, is compared with the record again, under a journal that keeps the slab, before anything is done",
  "record/release":
    "to which budget a Block is charged is looked at again under the latch; that it is to none is only said when all but the latch is done",
  "arena/freeIn":
    "a slab that is empty may be gone: whose it was is only asked to find whether somebody waits, and for hints",
  "arena/allocBeside": "as in resize/realloc",
  "resize/realloc":
    "a block of a budget that is closed meanwhile: what is taken in its place is given back, or the budget refuses",
  "arena/freeAtEdgeIn":
    "the same; what is taken says whose its slab is, and only a stale free, which is refused, reads another's word",
  "arena/noteBack": "for hints only, after the bit is back: what names no budget is not followed",
  "arena/allocUnsafeIn":
    "whose slab it is is looked at when a bit of it is taken; the count that ends the journal depends on what was read, so it comes after",
  "arena/takeAt": "whose slab it is is looked at once more when a bit of it is taken, and that is kept",
  "record/blockIsLive": "it says what was so at some instant, or what memory looked like where a slab was",
};

const HEADER = ["H_LOCK", "H_DEFERRED", "H_COMMITTED", "H_PEAK", "H_TAIL", "H_ADJUST", "H_REBUILDS", "H_POISON"];
const SLOT = ["S_STATE", "S_SEQUENCE", "S_BUMP", "S_IDLE", "S_CLAIM", "S_REASON", "S_MARK"];

function slotWord(c, offset) {
  if (offset >= c.S_ALLOC && offset < c.S_ALLOC + 8) return "S_ALLOC";
  if (offset >= c.S_FREE && offset < c.S_FREE + 8) return "S_FREE";
  const name = SLOT.find((name) => c[name] === offset);
  if (name) return name;
  if (offset >= c.S_OUT && offset < c.S_OUT + c.S_OUT_WORDS * 4) return "S_OUT";
  if (offset >= c.S_BLOCK_HINTS) return recordWord(c, (offset - c.S_BLOCK_HINTS) & ((1 << c.S_BLOCK_HINT_SHIFT) - 1));
  if (offset >= c.S_HINTS) return recordWord(c, (offset - c.S_HINTS) & ((1 << c.S_HINT_SHIFT) - 1));
  return `slot + ${offset}`;
}

function recordWord(c, offset) {
  if (offset === c.R_SLAB) return "R_SLAB";
  if (offset === c.R_BASE) return "R_BASE";
  if (offset === c.R_TOP) return "R_TOP";
  if (offset >= c.R_STACK) return "R_STACK";
  return `hint record + ${offset}`;
}

/** What the layout calls the word at `address`. */
export function wordName(view, address) {
  const { c } = view;
  const table = (name) => view.word(c[name]);
  if (address < c.H_NULL + 8) return "H_NULL";
  if (address < c.CLASSES) {
    const name = HEADER.find((name) => c[name] === address);
    const budgets = name ?? budgetHeaderWord(c, address);
    if (budgets) return budgets;
    return address >= c.H_BIN_BITS ? "bins" : `header + ${address}`;
  }
  if (address < c.SLOTS) return "classes";
  if (address < table("H_HINTS")) return slotWord(c, (address - c.SLOTS) % c.SLOT_BYTES);
  if (address < table("H_HOMES")) return "hints";
  if (address < table("H_BITS")) return "homes";
  if (address < table("H_WORD")) return "bits[]";
  if (address < table("H_AUX")) return "word[]";
  if (address < view.firstGrain * c.GRAIN_BYTES) return "aux[]";
  return chunkWord(view, address) ?? ringWord(view, address) ?? cacheWord(view, address) ?? "a block";
}

const glance = ({ kind, functionName }) => (kind === ATOMIC_LOAD ? GLANCES[functionName] : undefined);

/** The reason if one of the two is a look at what is, or was, an entry. */
function lookedAt(where, before, now) {
  if (
    [before, now].some(
      ({ kind, functionName }) => (kind === LOAD || kind === ATOMIC_LOAD) && LOOKERS.has(functionName),
    ) &&
    ENTRY_WORD.test(where)
  )
    return COMPARED;
  const kinds = [before.kind, now.kind];
  return where === "E_DEAD" && kinds.includes(RMW) && (kinds.includes(LOAD) || kinds.includes(COPY_FROM))
    ? BYTES_BESIDE
    : undefined;
}

/** The word's name, and the reason if a race of these two sites there is on the list. */
export function isAllowed(view, address, before, now) {
  const where = wordName(view, address);
  const seen = where === "a block" || where === "aux[]" ? (glance(before) ?? glance(now)) : undefined;
  return { where, reason: REASONS[where] ?? seen ?? lookedAt(where, before, now) };
}

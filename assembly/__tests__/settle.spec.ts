// Settle: what a dead owner was taking or giving back, with every state of its journals, the memory, the record and another's journal on
// the same Block. In each the counters are made to say what a history that leads there has counted, and must be exact afterwards.

import { get32, get64 } from "../memory";
import { load64, store64 } from "../atomic";
import { countedBytes, pendingAlloc, pendingFree } from "../counters";
import { ownerState, slotOf } from "../owners";
import { isBlock } from "../record";
import { recover } from "../recover";
import {
  H_ADJUST,
  H_UNDECIDED,
  OWNER_DEAD,
  OWNER_FREE,
  REC_BLOCKS,
  REC_BLOCK_BYTES,
  REC_DONE,
  REC_IN_FLIGHT_BYTES,
  REC_LOCK,
  REC_UNDECIDED,
  REC_UNDECIDED_BYTES,
  S_ALLOC,
  S_FREE,
} from "../shared/layout";
import { OK } from "../shared/status";
import {
  DEAD,
  EMPTY,
  FOREIGN,
  FREE,
  FREED,
  GIVING,
  HOLDER,
  LAST,
  NOTHING,
  OLDER,
  OTHER,
  RECOVERER,
  SETTLING,
  TAKEN,
  TAKING,
  WON,
  addTo,
  beside,
  block,
  claimOf,
  counted,
  die,
  hinted,
  isTaken,
  journal,
  open,
  place,
  record,
  size,
  twoBlocks,
  wordsOf,
} from "./flight";
import { become, idOf, is, outWord, regionHash, same, sound, text } from "./lib";

/** A living owner beside the two. */
const THIRD: u32 = 5;

// One state: what the dead owner's and the other's journals say, where the memory is, what the record holds, and of whom the other is.
let isRun: bool = false;
let doing: u32 = 0;
let where: u32 = 0;
let holds: u32 = 0;
let other: u32 = 0;
let otherLives: bool = false;
let states: u32 = 0;

function name(): string {
  return (
    (isRun ? "run" : "slab") +
    `, journal ${doing}, memory ${where}, record ${holds}, other ` +
    (otherLives ? "living " : "dead ") +
    text(other) +
    ", case"
  );
}

function isOpen(): bool {
  return where == TAKEN && (holds == EMPTY || holds == SETTLING);
}

/** What the dead owner had begun is neither undone nor done. */
function isHalfDone(): bool {
  return isOpen() && doing != NOTHING;
}

/** Whether a history leads to this state. */
function isReachable(): bool {
  if (where != TAKEN) return holds == EMPTY;
  if (isOpen() && doing == NOTHING && other == NOTHING) return false;
  return holds != SETTLING || doing != NOTHING || !otherLives;
}

/** Both are dead and name the half-done Block, and histories lead here that have counted differently. */
function isAmbiguous(): bool {
  return isHalfDone() && other != NOTHING && !otherLives && doing != other && (doing == GIVING || other == GIVING);
}

/** Builds the state; `count` times the Block's bytes are counted as live. */
function build(count: u32): void {
  twoBlocks(isRun, other != NOTHING);
  place(where, holds);
  if (where != TAKEN) hinted();
  journal(DEAD, doing);
  if (other != NOTHING) {
    journal(OTHER, other);
    if (!otherLives) die(OTHER);
  }
  die(DEAD);
  counted(count);
  states++;
}

/** Live Blocks that the record proves, and frees that "won" proves, as far as they are counted as live. */
function countedForSure(): u32 {
  let count: u32 = where == TAKEN && !isOpen() && !(doing == TAKING && holds == LAST) ? 1 : 0;
  if (doing == WON) count++;
  return other == WON ? count + 1 : count;
}

function recoverDead(done: bool): void {
  same(recover(idOf(DEAD)), OK, "status, " + name(), states);
  same(outWord(REC_DONE), done ? 1 : 0, "done, " + name(), states);
  same(ownerState(DEAD), done ? OWNER_FREE : OWNER_DEAD, "state, " + name(), states);
  same(outWord(REC_LOCK), 0, "lock, " + name(), states);
  if (done) same(pendingAlloc(DEAD) | pendingFree(DEAD), 0, "journals, " + name(), states);
}

/** A second recovery finds nothing to do. */
function isDoneOnce(): void {
  const before = regionHash();
  recoverDead(true);
  same(
    outWord(REC_BLOCKS) + outWord(REC_IN_FLIGHT_BYTES) + outWord(REC_UNDECIDED_BYTES),
    0,
    "again, " + name(),
    states,
  );
  same(regionHash(), before, "words after a second recovery, " + name(), states);
}

/** All that is left is right, to the byte; `live` times the Block's bytes are. */
function endsWith(live: u32, exact: bool): void {
  sound(name(), states);
  same(countedBytes(), beside + live * size, "counted, " + name(), states);
  same(get32(H_UNDECIDED), 0, "undecided at last, " + name(), states);
  if (exact) same(get32(H_ADJUST), 0, "adjusted, " + name(), states);
}

/** Recovers the dead owner where nobody else names the Block, or one that is dead as well. */
function settlesAlone(extra: u32): void {
  build(countedForSure() + extra);
  const half = isHalfDone();
  const mine = where == TAKEN && (holds == LAST || holds == OLDER);
  recoverDead(true);
  const isUnsure = get32(H_UNDECIDED) != 0;
  if (isAmbiguous()) is(isUnsure, true, "undecided, " + name(), states);
  if (isUnsure) is(half && other != NOTHING, true, "undecided without need, " + name(), states);
  same(outWord(REC_BLOCKS), mine ? 1 : 0, "Blocks, " + name(), states);
  same(outWord(REC_BLOCK_BYTES), mine ? size : 0, "bytes of Blocks, " + name(), states);
  same(outWord(REC_IN_FLIGHT_BYTES), half || doing == WON ? size : 0, "in flight, " + name(), states);
  same(outWord(REC_UNDECIDED_BYTES), isUnsure ? size : 0, "undecided, " + name(), states);
  same(outWord(REC_UNDECIDED) & ~7, isUnsure ? block : 0, "the undecided block, " + name(), states);
  same(get32(H_UNDECIDED), isUnsure ? size : 0, "undecided in all, " + name(), states);
  const isLeft = where == TAKEN && (holds == FOREIGN || (isOpen() && doing == NOTHING));
  isTaken(isLeft, name(), states);
  if (isLeft && holds == FOREIGN) same(load64(record), claimOf(HOLDER, 2), "another's claim, " + name(), states);
  same(get64(slotOf(DEAD) + S_ALLOC), doing == TAKING && where == TAKEN && holds == LAST ? size : 0, "taken", states);
  const finished = doing == WON || (doing == GIVING && half && !isUnsure);
  same(get64(slotOf(DEAD) + S_FREE), finished ? size : 0, "given back, " + name(), states);
  isDoneOnce();
  if (other != NOTHING) same(recover(idOf(OTHER)), OK, "the other, " + name(), states);
  endsWith(where == TAKEN && holds == FOREIGN ? 1 : 0, !isUnsure);
}

/** What a living owner's next steps are: it lets the Block be, or it completes what it began, or only its count is left. */
const LETS_BE: u32 = 0;
const COMPLETES: u32 = 1;
const COUNTS: u32 = 2;

function moveOn(step: u32): void {
  if (step == COMPLETES && other == TAKING) {
    store64(record, claimOf(OTHER, 1));
    addTo(OTHER, S_ALLOC);
  } else if (step == COMPLETES) {
    if (other == GIVING) store64(record, 0);
    open();
    hinted();
  }
  if (step != LETS_BE && other != TAKING) addTo(OTHER, S_FREE);
  journal(OTHER, NOTHING);
}

/** The dead owner and a living one name a Block that is half done: nothing is done until the living one has moved on. */
function waits(step: u32, extra: u32): void {
  waitsTimes(2, step, extra);
}

function waitsTimes(attempts: u32, step: u32, extra: u32): void {
  build(countedForSure() + extra);
  const words = wordsOf(DEAD);
  const before = countedBytes();
  for (let attempt: u32 = 0; attempt < attempts; attempt++) {
    recoverDead(false);
    is(isBlock(block), true, "still taken, " + name(), states);
    is(load64(record) == 0 || holds == SETTLING, true, "record, " + name(), states);
    same(wordsOf(DEAD), words, "journals and counters of the dead, " + name(), states);
    same(countedBytes(), before, "counted, " + name(), states);
    same(get32(H_UNDECIDED) | outWord(REC_IN_FLIGHT_BYTES), 0, "undecided or given back, " + name(), states);
  }
  moveOn(step);
  recoverDead(true);
  const live: u32 = step == COMPLETES && other == TAKING ? 1 : 0;
  isTaken(live == 1, name(), states);
  isDoneOnce();
  endsWith(live, true);
}

/** The dead owner's part is clear although a living one names the Block. */
function settlesBeside(step: u32, extra: u32): void {
  build(countedForSure() + extra);
  const otherWords = wordsOf(OTHER);
  recoverDead(true);
  same(wordsOf(OTHER), otherWords, "words of the living, " + name(), states);
  same(get32(H_UNDECIDED), 0, "undecided, " + name(), states);
  isDoneOnce();
  moveOn(step);
  endsWith((where == TAKEN && holds == FOREIGN) || (step == COMPLETES && other == TAKING) ? 1 : 0, true);
}

/** Every history of one state in which the other is dead or nobody. */
function allAlone(): void {
  // Whose doing a half-done Block is: one's that took it, or one's that emptied its record, if "won" does not say it already.
  const anyGiving = doing == GIVING || other == GIVING;
  const anyElse = doing == TAKING || other == TAKING || doing == WON || other == WON;
  if (!isOpen() || anyElse) settlesAlone(0);
  if (isOpen() && anyGiving) settlesAlone(1);
}

/** Every history of one state in which the other lives, with the steps that follow from it. */
function allBeside(): void {
  const emptied: u32 = doing == GIVING ? 1 : 0;
  if (!isHalfDone()) {
    if (!isOpen()) return settlesBeside(other == WON ? COUNTS : LETS_BE, 0);
    return settlesBeside(COMPLETES, other == GIVING ? 1 : 0);
  }
  // Only of a Block being taken is the mark put there while a living one is at work on it.
  if (holds != SETTLING || doing == TAKING) waits(COMPLETES, other == GIVING ? 1 : 0);
  waits(other == WON ? COUNTS : LETS_BE, emptied);
}

function forEachState(run: bool): void {
  isRun = run;
  states = 0;
  for (doing = NOTHING; doing <= WON; doing++) {
    for (where = FREE; where <= (run ? FREED : TAKEN); where++) {
      for (holds = EMPTY; holds <= SETTLING; holds++) {
        for (other = NOTHING; other <= WON; other++) {
          // A run is taken under the page lock: nobody is found in the middle of it but by who takes the lock over.
          if (run && (doing == TAKING || other == TAKING || holds == SETTLING)) continue;
          otherLives = false;
          if (isReachable()) allAlone();
          otherLives = true;
          if (other != NOTHING && isReachable()) allBeside();
        }
      }
    }
  }
}

describe("recover", () => {
  it("settles a Block in a slab in every state that its dead owner and another can have left", () => {
    forEachState(false);
    is(states > 150, true, "states", states);
  });

  it("settles a Block that is a run in every state that its dead owner and another can have left", () => {
    forEachState(true);
    is(states > 50, true, "states", states);
    become(RECOVERER);
  });

  it("leaves the count to check when the dead that won names the Block beside a dead that was giving it back", () => {
    doing = WON;
    where = TAKEN;
    holds = EMPTY;
    other = GIVING;
    otherLives = false;
    for (let run = 0; run < 2; run++) {
      isRun = run == 1;
      allAlone();
    }
  });

  it("leaves nothing more undecided each time that it has to wait, where another dead names the Block as well", () => {
    isRun = false;
    doing = TAKING;
    where = TAKEN;
    holds = EMPTY;
    other = GIVING;
    otherLives = false;
    build(1);
    become(THIRD);
    journal(THIRD, GIVING);
    become(RECOVERER);
    for (let attempt = 0; attempt < 3; attempt++) {
      recoverDead(false);
      is(get32(H_UNDECIDED) <= size && outWord(REC_UNDECIDED_BYTES) <= size, true, "undecided, attempt", attempt);
    }
    journal(THIRD, NOTHING);
    recoverDead(true);
    same(get32(H_UNDECIDED), size, "undecided at last", 0);
    same(recover(idOf(OTHER)), OK, "the other", 0);
    endsWith(0, false);
  });

  it("clears the mark of one that settled and died, when the living one has given the Block back meanwhile", () => {
    isRun = false;
    doing = TAKING;
    where = TAKEN;
    holds = SETTLING;
    otherLives = true;
    for (other = GIVING; other <= WON; other++) waitsTimes(0, COMPLETES, other == GIVING ? 1 : 0);
  });
});

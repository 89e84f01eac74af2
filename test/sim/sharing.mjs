// Sharing: which words of the region more than one thread of a scenario touches while at least one writes. Owns the shadow bytes.
//
// A unit is 8 bytes. Its shadow byte has for thread t bit t, "its reads need no hook", and bit 4 + t, "its writes need none". A byte of
// 0 hooks everything. What is known only grows, over all schedules of a scenario: an explorer that finds `grown` raised has
// missed places to preempt at and starts again, until a whole pass adds nothing (a fixpoint).
//
// An access hooked for the detectors is a place to preempt at only if its order can matter: an atomic on a shared unit, or a plain
// access to a unit where a race was seen. Plain accesses without a race are ordered by the atomics around them.

import { SHADOW, UNITS } from "./map.mjs";

export class Sharing {
  constructor(bytes, pinned) {
    this.shadow = new Uint8Array(bytes.buffer, SHADOW, UNITS);
    this.readers = new Uint8Array(UNITS);
    this.writers = new Uint8Array(UNITS);
    this.racy = new Uint8Array(UNITS);
    /** Units in which every write is hooked. */
    this.watched = new Uint8Array(UNITS);
    this.pinned = pinned.map((address) => address >>> 3);
    this.grown = false;
    /** All that was learnt, in order: unit × 16 + (0 … 3 a reader, 4 … 7 a writer, 8 a race). */
    this.learnt = [];
  }

  /** How much is known: by that a schedule that begins now takes the same course once more, after `rollBack`. */
  get mark() {
    return this.learnt.length;
  }

  /** Knows what was known at that mark, and no more; what was forgotten. */
  rollBack(mark) {
    const forgotten = this.learnt.splice(mark);
    for (const entry of forgotten) {
      const unit = entry >>> 4;
      const what = entry & 15;
      if (what < 4) this.readers[unit] &= ~(1 << what);
      else if (what < 8) this.writers[unit] &= ~(1 << (what - 4));
      else this.racy[unit] = 0;
    }
    for (const entry of forgotten) this.#update(entry >>> 4);
    return forgotten;
  }

  /** Knows what was forgotten too; nothing of that is news. */
  remember(entries) {
    const { grown } = this;
    for (const entry of entries) {
      const unit = entry >>> 4;
      const what = entry & 15;
      if (what === 8) this.noteRace(unit);
      else this.note(what & 3, unit, what >= 4);
    }
    this.grown = grown;
  }

  /** Forgets everything: another scenario begins. */
  clear() {
    this.readers.fill(0);
    this.writers.fill(0);
    this.racy.fill(0);
    this.watched.fill(0);
    this.shadow.fill(0);
    this.grown = false;
    this.learnt.length = 0;
  }

  /** Notes an access of thread `t`; returns whether the unit is shared. */
  note(t, unit, writes) {
    const bit = 1 << t;
    const known = writes ? this.writers[unit] : this.readers[unit];
    if (!(known & bit)) {
      if (writes) this.writers[unit] |= bit;
      else this.readers[unit] |= bit;
      this.learnt.push((unit << 4) | (writes ? t + 4 : t));
      this.#update(unit);
    }
    const writers = this.writers[unit];
    if (writers === 0) return false;
    const all = writers | this.readers[unit];
    return (all & (all - 1)) !== 0;
  }

  isShared(unit) {
    const all = this.writers[unit] | this.readers[unit];
    return this.writers[unit] !== 0 && (all & (all - 1)) !== 0;
  }

  /** From now on every write there is hooked, whoever is alone there. */
  watch(unit) {
    this.watched[unit] = 1;
    this.shadow[unit] &= 15;
  }

  /** A race was seen there: from now on the order of plain accesses matters too. */
  noteRace(unit) {
    if (this.racy[unit]) return;
    this.racy[unit] = 1;
    this.learnt.push((unit << 4) | 8);
    this.grown = true;
  }

  #update(unit) {
    const writers = this.writers[unit];
    const all = writers | this.readers[unit];
    const alone = (all & (all - 1)) === 0;
    let byte = 0;
    if (alone) byte = all | (writers << 4);
    else if (writers === 0) byte = all;
    else this.grown = true;
    if (this.watched[unit]) byte &= 15;
    this.shadow[unit] = this.pinned.includes(unit) ? 0 : byte;
  }
}

// Model: what the blocks of a schedule must be like, kept in JavaScript beside the region. Owns the set of blocks that the
// programs hold, the pattern in their bytes, and what a death or an exception left undecided.
//
//   no two blocks held at one instant overlap; a block's bytes stay as they were written; a block is freed exactly once

import { Ledger } from "./ledger.mjs";
import { Violation } from "./thread.mjs";

const LIVE = 0;
const FREEING = 1;

export class Model {
  constructor(view, main) {
    this.view = view;
    this.main = main;
    this.bytes = view.u8;
    this.isAlone = false;
    /** Budgets and reservations. */
    this.ledger = new Ledger();
    this.base = { blocks: [], slots: {}, nextId: 1, serials: [], undecided: [] };
    this.reset();
  }

  /** What is held now is what every schedule begins with. */
  keep() {
    this.ledger.keep();
    this.base = {
      blocks: [...this.blocks.values()],
      slots: { ...this.slots },
      nextId: this.nextId,
      serials: [...this.serials],
      undecided: [...this.undecided],
    };
  }

  reset() {
    this.ledger.reset();
    this.blocks = new Map();
    /** Blocks by the names that programs know them by. */
    this.slots = {};
    const copies = new Map();
    for (const block of this.base.blocks) {
      const copy = { ...block };
      copies.set(block, copy);
      this.blocks.set(copy.id, copy);
    }
    for (const [name, block] of Object.entries(this.base.slots)) this.slots[name] = copies.get(block) ?? block;
    this.nextId = this.base.nextId;
    this.serials = new Map(this.base.serials);
    /** Calls that a death or an exception cut: { taking, block }. */
    this.undecided = this.base.undecided.map(({ kind, block }) => ({ kind, block: copies.get(block) }));
    this.refusedFull = 0;
  }

  /** A call answered that `bytes` bytes at `p` are its caller's now. */
  take(
    p,
    bytes,
    { zeroed = false, claim = undefined, owner = 0, align = 8, keep = 0, budget = 0, isOpen = false } = {},
  ) {
    const { view } = this;
    // Where its budget is being closed, another's may be there by now.
    if (isOpen) return this.#add({ p, bytes, size: bytes, claim, owner, budget, state: FREEING, isUndecided: true });
    // Where the main thread has left the region, its instance knows of none.
    const size = this.isAlone ? view.sizeAt(p) : this.main.usableSize(p);
    const end = view.grains * view.c.GRAIN_BYTES;
    if (p % align !== 0 || p < view.firstGrain * view.c.GRAIN_BYTES || p >= end) {
      throw new Violation(`an allocation of ${bytes} bytes answered ${p}`);
    }
    if (size < bytes) throw new Violation(`${bytes} bytes were asked for, the block at ${p} has ${size}`);
    for (const block of this.blocks.values()) {
      if (block.state === LIVE && p < block.p + block.size && block.p < p + size) {
        throw new Violation(`the block of ${size} bytes at ${p} overlaps the one of ${block.size} at ${block.p}`);
      }
    }
    if (zeroed) this.#requireZero(p, size);
    const block = this.#add({ p, bytes, size, claim, owner, budget, state: LIVE });
    if (keep === 0) this.#write(block);
    return block;
  }

  #add(what) {
    const block = { id: this.nextId++, tries: 0, wins: 0, moves: 0, mark: 0, budget: 0, ...what };
    this.blocks.set(block.id, block);
    return block;
  }

  /** A budget is being closed: what is charged to it may be given back at any instant from now on. */
  openCharged(budget) {
    for (const block of this.blocks.values()) if (block.budget === budget) this.openBlock(block);
  }

  /** It was closed: that is gone. */
  releaseCharged(budget) {
    for (const block of this.blocks.values()) if (block.budget === budget) this.blocks.delete(block.id);
  }

  #requireZero(p, size) {
    const words = this.view.u32;
    for (let i = p >>> 2; i < (p + size) >>> 2; i++) {
      if (words[i] !== 0) throw new Violation(`alloc answered ${p}, whose byte ${i * 4 - p} is not zero`);
    }
  }

  #write(block) {
    // By owner and by how many it took, not by the order of the schedule: equal states are to be equal bytes.
    const serial = (this.serials.get(block.owner) ?? 0) + 1;
    this.serials.set(block.owner, serial);
    block.mark = 1 + ((serial * 37 + block.owner * 101 + (block.p >>> 3)) % 255);
    this.bytes.fill(block.mark, block.p, block.p + block.size);
  }

  requireIntact(block, size = block.size) {
    const step = size > 4096 ? 61 : 7;
    for (let i = 0; i < size; i += step) this.#requireByte(block, i);
    this.#requireByte(block, size - 1);
  }

  #requireByte(block, i) {
    if (this.bytes[block.p + i] === block.mark) return;
    throw new Violation(`byte ${i} of the block of ${block.size} bytes at ${block.p} has changed`);
  }

  /** A call begins that gives the block back; several may, and one of them must succeed. */
  startFree(block) {
    if (block.state === LIVE && block.tries + block.wins === 0) this.requireIntact(block);
    block.state = FREEING;
    block.tries++;
  }

  /** A call that gave the block back by `claim` has answered. */
  endFree(block, done, claim = block.claim) {
    block.tries--;
    if (claim !== block.claim) {
      if (done) throw new Violation(`the Block at ${block.p} was released by a claim that held it no more`);
      return;
    }
    if (done && ++block.wins > 1) throw new Violation(`the block at ${block.p} was freed twice`);
    if (block.tries > 0) return;
    if (block.wins === 1) this.blocks.delete(block.id);
    else if (!block.isUndecided && block.moves === 0)
      throw new Violation(`free said that the live block at ${block.p} is none`);
  }

  /** A call begins that makes a Block another owner's. */
  startMove(block) {
    if (block.state === LIVE) this.requireIntact(block);
    block.moves++;
  }

  /** It answered. Of all that move or release a Block by one claim, one succeeds. */
  endMove(block, done, claim, next, owner) {
    block.moves--;
    const isOthers = claim !== block.claim || block.wins > 0;
    if (!done) {
      if (isOthers || block.tries + block.moves > 0 || block.isUndecided) return;
      throw new Violation(`blockMove said that its claim does not hold the Block at ${block.p}`);
    }
    if (isOthers) throw new Violation(`the Block at ${block.p} was moved by a claim that held it no more`);
    const isOpen = block.budget !== 0 && this.ledger.entries.get(block.budget).closing !== 0;
    Object.assign(block, { claim: next, owner, state: isOpen ? FREEING : LIVE, isUndecided: isOpen });
  }

  /** An owner leaves or has died: its Blocks may be given back at any instant from now on. */
  openOwner(owner) {
    this.ledger.openOwner(owner);
    for (const block of this.blocks.values()) {
      if (!block.claim || block.owner !== owner) continue;
      this.openBlock(block);
    }
  }

  /** A thread died in a call that may have ended the block, or made it the dead one's. */
  openBlock(block) {
    block.state = FREEING;
    block.isUndecided = true;
  }

  /** An owner left: its Blocks are gone. */
  releaseOwner(owner) {
    this.ledger.releaseOwner(owner);
    for (const block of this.blocks.values()) {
      // Whose a Block is that a cut call was moving, its record says.
      if (block.claim && block.owner === owner && !block.isMoveCut) this.blocks.delete(block.id);
    }
  }

  cut(kind, block = undefined) {
    this.undecided.push({ kind, block });
    if (!block) return;
    block.isUndecided = true;
    if (kind !== "blockMove") return;
    block.state = FREEING;
    block.isMoveCut = true;
  }
}

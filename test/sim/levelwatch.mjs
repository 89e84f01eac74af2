// Level watch: what the budgets' levels must be, by a model of its own: how full each budget has been since its level was right last, and where
// its levels are entered and left. And who must have been told: of a new level, and of bytes that are called for.
//
//   at rest a level is the highest that is entered, or one that was and is not left yet · whose charge changed one finds S_CROSSED changed ·
//   each thread finds S_WAKE changed

import { DEAD, Violation } from "./thread.mjs";

/** From here on a limit is none. */
const UNLIMITED = 2 ** 62;

export class LevelWatch {
  constructor(machine, view) {
    this.machine = machine;
    this.view = view;
    this.words = machine.view;
    this.c = machine.c;
    this.u32 = machine.u32;
    this.floats = new Float64Array(machine.memory.buffer);
    /** What each budget's level may be by now, by its node: { state, levels }. */
    this.known = new Map();
    /** What was said since the latch was let go last. */
    this.said = [];
  }

  /** A schedule begins. */
  begin() {
    this.known.clear();
    this.said.length = 0;
    for (const i of this.view.open) this.#keep(i);
  }

  /** At rest the level that stands there is the one. */
  #keep(i) {
    const { view, c } = this;
    const level = view.field(i, c.B_LEVEL);
    const state = view.field(i, c.B_STATE) >>> 2;
    const known = this.known.get(view.nodes[i]);
    if (known?.state === state && known.levels.length === 1 && known.levels[0] === level) return;
    this.known.set(view.nodes[i], { state, levels: [level] });
  }

  /** A thread is about to write to a word that tells others something. */
  wrote(thread, address) {
    const { c, view } = this;
    const i = view.nodes.findIndex((node) => address >= node && address < node + c.NODE_BYTES);
    if (i < 0 || !view.isOpen(i)) return;
    const offset = address - view.nodes[i];
    if (offset !== c.B_LEVEL && offset !== c.B_WANTED) return;
    this.said.push({
      thread,
      address,
      before: this.u32[address >>> 2],
      crossed: this.#crossed(thread),
      wakes: this.#wakes(),
    });
  }

  #crossed(thread) {
    return this.u32[(this.words.slot(thread.ownerIndex) + this.c.S_CROSSED) >>> 2];
  }

  #wakes() {
    const count = this.u32[this.c.H_MAX_OWNERS >>> 2];
    const { S_WAKE } = this.c;
    return Array.from({ length: count }, (_, i) => this.u32[(this.words.slot(i + 1) + S_WAKE) >>> 2]);
  }

  /** Where level `level` is entered. */
  #entry(i, level) {
    return this.#bytes(i, this.floats[(this.view.nodes[i] + this.c.B_LEVEL_ENTRIES) / 8 + level - 1]);
  }

  /** Below what it is left. */
  #exit(i, level) {
    const at = this.view.nodes[i] / 8;
    const { B_LEVEL_ENTRIES, B_LEVEL_GAP } = this.c;
    const share = this.floats[at + B_LEVEL_ENTRIES / 8 + level - 1] - this.floats[at + B_LEVEL_GAP / 8];
    return share > 0 ? this.#bytes(i, share) : 0;
  }

  #bytes(i, share) {
    const limit = this.view.long(this.view.nodes[i] + this.c.B_LIMIT);
    const bytes = Math.ceil(limit * share);
    return limit === 0 || limit > UNLIMITED || !(bytes < UNLIMITED) ? Infinity : bytes;
  }

  /** The level that follows upon one, with so much used. */
  #next(i, used, before) {
    for (let level = this.c.BUDGET_LEVELS; level > before; level--) if (used >= this.#entry(i, level)) return level;
    let level = before;
    while (level > 0 && used < this.#exit(i, level)) level--;
    return level;
  }

  /** Something has changed. */
  look() {
    const { view, c } = this;
    for (const i of view.open) {
      const node = view.nodes[i];
      const known = this.known.get(node);
      if (known?.state !== view.field(i, c.B_STATE) >>> 2) {
        this.known.set(node, { state: view.field(i, c.B_STATE) >>> 2, levels: [0] });
        continue;
      }
      const used = view.long(node + c.B_USED);
      for (let k = known.levels.length - 1; k >= 0; k--) {
        const level = this.#next(i, used, known.levels[k]);
        if (!known.levels.includes(level)) known.levels.push(level);
      }
    }
  }

  /** Nobody holds the latch. */
  atRest() {
    const { view, c } = this;
    for (const i of view.open) {
      const node = view.nodes[i];
      const level = view.field(i, c.B_LEVEL);
      const used = view.long(node + c.B_USED);
      if (!this.known.get(node).levels.includes(level) || this.#next(i, used, level) !== level)
        throw new Violation(`the budget at ${node} with ${used} bytes has the level ${level}`);
      this.#keep(i);
    }
    if (this.said.length > 0) for (const one of this.said.splice(0)) this.#checkTold(one);
  }

  #checkTold({ thread, address, before, crossed, wakes }) {
    const now = this.u32[address >>> 2];
    const isLevel = this.view.nodes.includes(address - this.c.B_LEVEL);
    if (isLevel ? now === before : now === 0) return;
    if (isLevel && thread.status !== DEAD && thread.traps === 0 && this.#crossed(thread) === crossed)
      throw new Violation(`the level at ${address} was changed, and who changed it was not told`);
    const after = this.#wakes();
    const untold = wakes.findIndex((wake, i) => wake === after[i] && !this.machine.budgets.waits.isGone(i + 1));
    if (untold >= 0) throw new Violation(`owner ${untold + 1} was not told of what was written at ${address}`);
  }
}

// Heap view: an independent reading of a region, from the layout alone: what the chain of heads says, and whether a request would
// fit in the state as it is. Changes nothing, and shares no code with the core.

export class HeapView {
  constructor(constants, buffer) {
    this.c = constants;
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }

  word(address) {
    return this.u32[address >>> 2];
  }

  slot(index) {
    return this.c.SLOTS + index * this.c.SLOT_BYTES;
  }

  get grains() {
    return this.word(this.c.H_GRAINS);
  }

  get firstGrain() {
    return this.word(this.c.H_FIRST);
  }

  get heapBytes() {
    return (this.grains - this.firstGrain) * this.c.GRAIN_BYTES;
  }

  /** The lock's word if an owner that was marked dead holds it, else 0. */
  get deadLockWord() {
    return this.deadHolder(this.c.H_LOCK);
  }

  /** The same of any latch; without the mark of those who sleep for it. */
  deadHolder(latch) {
    const word = this.word(latch) & ~this.c.LATCH_MARK;
    const state = this.word(this.slot(word & 0xff) + this.c.S_STATE) & 3;
    return word !== 0 && state === this.c.OWNER_DEAD ? word : 0;
  }

  /** Whether any owner is marked dead and not recovered. */
  get hasDead() {
    const { H_MAX_OWNERS, OWNER_DEAD, S_STATE } = this.c;
    for (let index = 1; index <= this.word(H_MAX_OWNERS); index++)
      if ((this.word(this.slot(index) + S_STATE) & 3) === OWNER_DEAD) return true;
    return false;
  }

  /** Whether this owner is marked dead and has its slot still. */
  isStillDead(id) {
    const state = this.word(this.slot(id & 0xff) + this.c.S_STATE);
    return state >>> 2 === id >>> 8 && (state & 3) === this.c.OWNER_DEAD;
  }

  geometry(tag) {
    const { CLASSES, CLASS_ENTRY_SHIFT, CLASSES_RECORD, KIND_BLOCK } = this.c;
    return CLASSES + ((tag >>> 2) << CLASS_ENTRY_SHIFT) + ((tag & 3) === KIND_BLOCK ? CLASSES_RECORD : 0);
  }

  classOf(bytes) {
    return this.u8[this.c.SIZE_TABLE + ((bytes + 7) >>> 3)];
  }

  /** What a request of `bytes` bytes is granted. */
  granted(bytes) {
    if (bytes > this.c.SMALL_BYTES_MAX) return Math.ceil(bytes / this.c.GRAIN_BYTES) * this.c.GRAIN_BYTES;
    return this.word(this.geometry(this.classOf(bytes) << 2) + this.c.C_SIZE);
  }

  /** Calls `visit(grain, type, length, word)` for each head; false when the chain is broken. */
  walk(visit) {
    const { T_MASK, T_NONE, T_FREED, T_SLAB, W_TAG_SHIFT, W_LENGTH_SHIFT, C_GRAINS, H_WORD } = this.c;
    const words = this.word(H_WORD) >>> 2;
    const end = this.grains;
    for (let grain = this.firstGrain; grain < end;) {
      const word = this.u32[words + grain];
      const type = word & T_MASK;
      if (type === T_NONE || type > T_FREED) return false;
      const tag = (word >>> W_TAG_SHIFT) & 0xff;
      const length = type === T_SLAB ? this.word(this.geometry(tag) + C_GRAINS) : word >>> W_LENGTH_SHIFT;
      if (length === 0 || length > end - grain) return false;
      visit(grain, type, length, word);
      grain += length;
    }
    return true;
  }

  // A slab's word is read in two halves, of which the upper one has its tag in its highest bits: as a BigInt each look would cost an allocation.

  #half(grain) {
    return (this.word(this.c.H_BITS) >>> 2) + grain * 2;
  }

  /** Whether the slab at `grain` is open with this tag. */
  isOpen(grain, tag) {
    return this.u32[this.#half(grain) + 1] >>> (this.c.B_TAG_SHIFT - 32) === tag;
  }

  #upperMask() {
    return (1 << (this.c.B_TAG_SHIFT - 32)) - 1;
  }

  /** Whether a block is free in the slab at `grain`, which is open with this tag. */
  hasFree(grain, tag) {
    const at = this.#half(grain);
    return this.isOpen(grain, tag) && (this.u32[at] !== 0 || (this.u32[at + 1] & this.#upperMask()) !== 0);
  }

  /** Whether all blocks are free in the slab at `grain`, which is open with this tag. */
  isEmpty(grain, tag) {
    if (!this.isOpen(grain, tag)) return false;
    const at = this.#half(grain);
    const full = (this.geometry(tag) + this.c.C_FULL) >>> 2;
    return this.u32[at] === this.u32[full] && (this.u32[at + 1] & this.#upperMask()) === this.u32[full + 1];
  }

  #isFreeBit(grain, i) {
    return ((this.u32[this.#half(grain) + (i >>> 5)] >>> (i & 31)) & 1) !== 0;
  }

  /** The kind of a run, −1 of what is none. */
  runKind(type, word) {
    return type === this.c.T_RUN ? (word >>> this.c.W_KIND_SHIFT) & 3 : -1;
  }

  /** Addresses of the core's own runs: chunks full of budgets, reservations or names, which stay as long as the region. */
  chunks() {
    const found = [];
    this.walk((grain, type, length, word) => {
      if (this.runKind(type, word) === this.c.KIND_INTERNAL) found.push(grain << this.c.GRAIN_SHIFT);
    });
    return found;
  }

  /** Bytes of the longest stretch between chunks: what can be had at once when nothing is taken. */
  get longestStretch() {
    let longest = 0;
    let stretch = 0;
    this.walk((grain, type, length, word) => {
      stretch = this.runKind(type, word) === this.c.KIND_INTERNAL ? 0 : stretch + length;
      longest = Math.max(longest, stretch);
    });
    return longest << this.c.GRAIN_SHIFT;
  }

  /** Offsets of all live blocks, as [offset, bytes, kind]. */
  liveBlocks() {
    const { T_SLAB, W_TAG_SHIFT, GRAIN_SHIFT, C_BLOCKS, C_SIZE, KIND_INTERNAL } = this.c;
    const found = [];
    this.walk((grain, type, length, word) => {
      const kind = this.runKind(type, word);
      if (kind >= 0 && kind !== KIND_INTERNAL) found.push([grain << GRAIN_SHIFT, length << GRAIN_SHIFT, kind]);
      if (type !== T_SLAB) return;
      const tag = (word >>> W_TAG_SHIFT) & 0xff;
      const shape = this.geometry(tag);
      if (!this.isOpen(grain, tag)) return;
      const size = this.word(shape + C_SIZE);
      for (let i = 0; i < this.word(shape + C_BLOCKS); i++) {
        if (!this.#isFreeBit(grain, i)) found.push([(grain << GRAIN_SHIFT) + i * size, size, tag & 3]);
      }
    });
    return found;
  }

  /** Address of the record of the Block at `p`; 0 when no slab or run is there. */
  recordAt(p) {
    const { T_MASK, T_RUN, T_SLAB, W_TAG_SHIFT, W_BACK_SHIFT, GRAIN_SHIFT, C_SIZE, C_RECORDS, RECORD_BYTES } = this.c;
    const grain = p >>> GRAIN_SHIFT;
    const word = this.u32[(this.word(this.c.H_WORD) >>> 2) + grain];
    if ((word & T_MASK) === T_RUN) return this.word(this.c.H_BITS) + grain * 8;
    if ((word & T_MASK) !== T_SLAB) return 0;
    const shape = this.geometry((word >>> W_TAG_SHIFT) & 0xff);
    const start = (grain - ((word >>> W_BACK_SHIFT) & 63)) << GRAIN_SHIFT;
    return start + this.word(shape + C_RECORDS) + ((p - start) / this.word(shape + C_SIZE)) * RECORD_BYTES;
  }

  /** The claim that holds the Block at `p`, as two halves. */
  claimAt(p) {
    return this.pair(this.recordAt(p));
  }

  /** Bytes of the run or the slab's block at `p`. */
  sizeAt(p) {
    const { T_MASK, T_RUN, T_SLAB, W_TAG_SHIFT, W_LENGTH_SHIFT, GRAIN_SHIFT, C_SIZE } = this.c;
    const word = this.u32[(this.word(this.c.H_WORD) >>> 2) + (p >>> GRAIN_SHIFT)];
    if ((word & T_MASK) === T_RUN) return (word >>> W_LENGTH_SHIFT) << GRAIN_SHIFT;
    return (word & T_MASK) === T_SLAB ? this.word(this.geometry((word >>> W_TAG_SHIFT) & 0xff) + C_SIZE) : 0;
  }

  pair(address) {
    return [this.u32[address >>> 2] | 0, this.u32[(address >>> 2) + 1] | 0];
  }

  /** Whether a living owner's journal names a Block that it gives back, or moves, in these grains: then an empty slab may not be closed. */
  isNamed(grain, length) {
    const { GRAIN_SHIFT, H_MAX_OWNERS, J_BLOCK, OWNER_DEAD, S_FREE_JOURNAL, S_STATE } = this.c;
    for (let index = 1; index <= this.word(H_MAX_OWNERS); index++) {
      const slot = this.slot(index);
      const journal = this.word(slot + S_FREE_JOURNAL);
      const named = journal >>> GRAIN_SHIFT;
      const isLiving = (this.word(slot + S_STATE) & 3) !== OWNER_DEAD;
      if (isLiving && journal & J_BLOCK && named >= grain && named < grain + length) return true;
    }
    return false;
  }

  /** Whether any journal names a block in these grains. */
  isNamedAtAll(grain, length) {
    const { GRAIN_SHIFT, H_MAX_OWNERS, S_ALLOC_JOURNAL, S_FREE_JOURNAL } = this.c;
    for (let index = 1; index <= this.word(H_MAX_OWNERS); index++) {
      for (const journal of [S_ALLOC_JOURNAL, S_FREE_JOURNAL]) {
        const named = this.word(this.slot(index) + journal) >>> GRAIN_SHIFT;
        if (named >= grain && named < grain + length) return true;
      }
    }
    return false;
  }

  /** Whether a slab with this tag stays although it is empty, for a living owner is at work in it: looks at a record, or takes a block. */
  isPinned(grain, length, tag) {
    const { KIND_BLOCK, KIND_BUDGET } = this.c;
    if ((tag & 3) === KIND_BLOCK) return this.isNamed(grain, length);
    return (tag & 3) === KIND_BUDGET && this.isNamedAtAll(grain, length);
  }

  /** Whether a slab of Blocks stands (or is being closed) in which nothing is taken, and a living owner looks at a record in it. */
  get hasPinned() {
    const { T_SLAB, W_TAG_SHIFT } = this.c;
    let found = false;
    this.walk((grain, type, length, word) => {
      const tag = (word >>> W_TAG_SHIFT) & 0xff;
      if (type !== T_SLAB || (this.isOpen(grain, tag) && !this.isEmpty(grain, tag))) return;
      if (this.isPinned(grain, length, tag)) found = true;
    });
    return found;
  }

  /** Whether this instant has room for `bytes` bytes of this kind: a free block of its class, or a run once all empty is merged. */
  fits(bytes, kind, step = 1) {
    const { T_FREE, T_FREED, T_SLAB, W_TAG_SHIFT, C_GRAINS, SMALL_BYTES_MAX, GRAIN_BYTES, KIND_BUDGET } = this.c;
    const small = bytes <= SMALL_BYTES_MAX && step === 1 && kind !== this.c.KIND_INTERNAL;
    const tag = small ? (this.classOf(bytes) << 2) | kind : -1;
    let needed = Math.ceil((small ? this.granted(bytes) : bytes) / GRAIN_BYTES);
    if (small) needed = Math.min(needed, this.word(this.geometry(tag) + C_GRAINS));
    let run = 0;
    let start = 0;
    let fits = false;
    const whole = this.walk((grain, type, length, word) => {
      let isFree = type === T_FREE || type === T_FREED;
      if (type === T_SLAB) {
        const own = (word >>> W_TAG_SHIFT) & 0xff;
        // A slab of a budget is its alone.
        if (own === tag && kind !== KIND_BUDGET && this.hasFree(grain, own)) fits = true;
        isFree = this.isEmpty(grain, own) && !this.isPinned(grain, length, own);
      }
      if (!isFree) run = 0;
      else {
        if (run === 0) start = grain;
        run += length;
        if (Math.ceil(start / step) * step + needed <= start + run) fits = true;
      }
    });
    return whole && fits;
  }
}

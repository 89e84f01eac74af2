// Memory view: an independent reading of what of the region's memory is charged to budgets, from the layout alone: Blocks, by the word beside their
// claims (of a run: in aux[]), and whole slabs and runs of raw blocks, by aux[]. Changes nothing, and shares no code with the core.
//
//   granted bytes of each Block, one item · length of each slab, run or freed run of kind BUDGET, no item

export class MemoryView {
  constructor(view) {
    this.view = view;
    this.c = view.c;
    this.u32 = view.u32;
  }

  /** The budget that a charge names; 0: none. */
  nodeOf(charge) {
    return charge & this.c.AUX_TAIL ? 0 : ((charge >>> 1) << this.c.CHARGE_SHIFT) >>> 0;
  }

  aux(grain) {
    return this.u32[(this.view.word(this.c.H_AUX) >>> 2) + grain];
  }

  /**
   * Calls `visit({ at, node, bytes, items, isLeaving, isSpare })` for each of them: `isLeaving` says that a Block was given back, `isSpare` that
   * a slab has nothing in it, or a run was freed, and nobody is at work there. What is wrong with one; undefined: nothing.
   */
  each(visit) {
    const { c, view } = this;
    let problem;
    const isWhole = view.walk((grain, type, length, word) => {
      const tag = (word >>> c.W_TAG_SHIFT) & 0xff;
      const kind = type === c.T_SLAB ? tag & 3 : (word >>> c.W_KIND_SHIFT) & 3;
      if (type === c.T_FREE) return;
      if (kind === c.KIND_BUDGET) this.#grains(grain, type, length, tag, visit);
      else if (kind === c.KIND_BLOCK && type === c.T_SLAB) problem ??= this.#slab(grain, tag, visit);
      else if (kind === c.KIND_BLOCK && type === c.T_RUN) {
        const claim = view.word(c.H_BITS) + grain * 8;
        problem ??= this.#block(claim, this.aux(grain), length << c.GRAIN_SHIFT, visit);
      }
    });
    return isWhole ? problem : "the chain of heads is broken";
  }

  #grains(grain, type, length, tag, visit) {
    const { c, view } = this;
    const node = this.nodeOf(this.aux(grain));
    if (node === 0) return;
    const isEmpty = type === c.T_SLAB ? view.isEmpty(grain, tag) : type === c.T_FREED;
    const isSpare = isEmpty && !view.isNamedAtAll(grain, length);
    const at = grain << c.GRAIN_SHIFT;
    visit({ at, node, bytes: length << c.GRAIN_SHIFT, items: 0, isLeaving: false, isSpare });
  }

  #slab(grain, tag, visit) {
    const { c, view } = this;
    const shape = view.geometry(tag);
    const size = view.word(shape + c.C_SIZE);
    const records = (grain << c.GRAIN_SHIFT) + view.word(shape + c.C_RECORDS);
    for (let i = 0; i < view.word(shape + c.C_BLOCKS); i++) {
      const claim = records + i * c.RECORD_BYTES;
      const problem = this.#block(claim, view.word(claim + c.RECORD_CHARGE), size, visit);
      if (problem) return problem;
    }
    return undefined;
  }

  #block(claim, charge, bytes, visit) {
    const node = this.nodeOf(charge);
    if (node === 0) return undefined;
    const [low, high] = this.view.pair(claim);
    if ((low | high) === 0) return `the Block whose claim stands at ${claim} is charged, and nobody's`;
    const isLeaving = high >>> (this.c.CLAIM_STATE_SHIFT - 32) === this.c.CLAIM_LEAVING;
    visit({ at: claim, node, bytes, items: 1, isLeaving, isSpare: false });
    return undefined;
  }

  /** Whether a slab of the budget at `node` has a free block for so many bytes. */
  hasFree(node, bytes) {
    const { c, view } = this;
    if (bytes > c.SMALL_BYTES_MAX) return false;
    const wanted = (view.classOf(bytes) << 2) | c.KIND_BUDGET;
    let found = false;
    view.walk((grain, type, length, word) => {
      if (type !== c.T_SLAB || ((word >>> c.W_TAG_SHIFT) & 0xff) !== wanted) return;
      if (this.nodeOf(this.aux(grain)) === node && view.hasFree(grain, wanted)) found = true;
    });
    return found;
  }
}

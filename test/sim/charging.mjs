// Charging: the calls that take memory of the region in a budget, as generators that take the actor, beside those of budgeting.mjs: Blocks that are
// charged, and raw blocks of a budget. What is taken is the model's, and goes with its budget.

import { Violation } from "./thread.mjs";
import { begin, isCut, reasonOf, refuse } from "./budgeting.mjs";

/** What was answered lies in the budget's own memory. */
function requireOwn({ view, machine }, node, p) {
  const { c } = view;
  const grain = p >>> c.GRAIN_SHIFT;
  const word = view.word(view.word(c.H_WORD) + grain * 4);
  const head = grain - ((word & c.T_MASK) === c.T_SLAB ? (word >>> c.W_BACK_SHIFT) & 63 : 0);
  if (machine.budgets.view.memory.nodeOf(machine.budgets.view.memory.aux(head)) !== node)
    throw new Violation(`the block at ${p} lies in memory that is not charged to its budget`);
}

/** The budget may be closed while the call is at work: then what it answers is gone, or may be gone. */
function taken(t, deed, budget, p, bytes, more) {
  const { closing, id, at } = t.model.ledger.of(budget);
  if (deed.charge && !deed.charge.sawOpen) throw new Violation(`${deed.name} was granted by a budget that is not open`);
  if (closing === 0 && !more.claim && t.machine) requireOwn(t, at, p >>> 0);
  if (closing === 2) return undefined;
  return t.model.take(p >>> 0, bytes, { ...more, owner: t.ownerId, budget: id, isOpen: closing === 1 });
}

/** Which word says no room: that of the budgets, or that of the heap. */
function refused(t, deed) {
  const reason = reasonOf(t);
  if (reason === t.c.BUSY && (t.thread?.request.sawPinned || t.view.hasPinned)) return undefined;
  return refuse(t, deed, reason);
}

/** Takes a Block that is charged to the budget; undefined when it was refused. */
export function* blockAllocIn(t, budget, bytes, align = 8) {
  if (!budget) return undefined;
  const { at: node, state } = budget;
  const { KIND_BLOCK, GRAIN_BYTES, S_CLAIM } = t.c;
  t.request(bytes, KIND_BLOCK, 1, t.mayBeFull);
  const granted = t.view.granted(bytes);
  // Where there is no room for a slab it is a run of its own.
  const most = t.mayBeFull ? Math.ceil(granted / GRAIN_BYTES) * GRAIN_BYTES : granted;
  const charge = { kind: "block", node, state, bytes: most, items: 1 };
  const deed = begin(t, { kind: "take", name: `blockAllocIn(${bytes})` }, charge);
  const p = yield { name: "blockAllocIn", args: [node, state, bytes, align] };
  if (isCut(t, deed, p)) return t.model.cut("blockAlloc");
  if (p === 0) return refused(t, deed);
  const claim = t.view.pair(t.slot + S_CLAIM);
  return taken(t, deed, budget, p, bytes, { claim, align: Math.max(8, align) });
}

/** Takes a raw block of the budget: any, or one that is `zeroed`, or at a multiple of `align`. */
export function* allocIn(t, budget, bytes, { zeroed = false, align = 8 } = {}) {
  if (!budget) return undefined;
  const name = zeroed ? "allocIn" : align > 8 ? "allocSlowIn" : "allocUnsafeIn";
  const args = [budget.at, budget.state, bytes];
  if (name !== "allocUnsafeIn") args.push(align);
  const deed = beginRaw(t, `${name}(${bytes})`, budget, bytes, align);
  const p = yield { name, args };
  if (isCut(t, deed, p)) return t.model.cut("alloc");
  if (p === 0) return refused(t, deed);
  return taken(t, deed, budget, p, bytes, { zeroed, align });
}

function beginRaw(t, name, { at: node, state }, bytes, align) {
  const { KIND_BUDGET, GRAIN_BYTES } = t.c;
  t.request(bytes, KIND_BUDGET, align > GRAIN_BYTES ? align / GRAIN_BYTES : 1, t.mayBeFull);
  // The least that the budget must grow by.
  const least = Math.ceil(bytes / GRAIN_BYTES) * GRAIN_BYTES;
  const isAligned = align > 8;
  return begin(
    t,
    { kind: "take", name },
    { kind: "raw", node, state, bytes: least, items: 0, size: isAligned ? Infinity : bytes },
  );
}

/** Moves a raw block of the budget to one of another size. */
export function* reallocIn(t, budget, block, bytes) {
  if (!block) return undefined;
  const deed = beginRaw(t, `realloc(${bytes})`, budget, bytes, 8);
  t.model.requireIntact(block);
  block.state = 1;
  block.tries++;
  const p = yield { name: "realloc", args: [block.p, bytes] };
  if (isCut(t, deed, p)) {
    t.model.cut("alloc");
    t.model.cut("realloc", block);
    return undefined;
  }
  block.tries--;
  const isGoing = t.model.ledger.of(budget).closing !== 0;
  if (p === 0) {
    if (isGoing && reasonOf(t) === t.c.NOT_LIVE) return undefined;
    if (!isGoing) block.state = 0;
    refused(t, deed);
    return block;
  }
  if (!isGoing) return Object.assign(t.moved(block, p >>> 0, bytes), { budget: budget.id });
  t.model.blocks.delete(block.id);
  return taken(t, deed, budget, p, bytes, {});
}

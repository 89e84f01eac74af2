// Claim: what a handle holds, as the region's records say it, without the handle: so that it can be asked about when the handle is gone. Owns
// nothing. A claim that is once not live never is again: claims are not given out twice.

import { Budgets } from "../../bindings/budgets.js";
import type { Core } from "../../bindings/core.js";
import type { Block, BlockHandle } from "../block.js";
import type { Reservation, ReservationHandle } from "../reservation.js";

/** What is held at one instant. */
export interface Holding {
  kind: "reservation" | "block";
  /** Names of the budgets that it is charged to, from the root down, joined by `/`; empty for a Block that is charged to none. */
  budgetPath: string;
  /** Empty for none; Blocks have none. */
  tag: string;
  /** Of a Block: what the region has granted, which may be more than was asked for. */
  bytes: number;
}

export interface Claim {
  readonly isLive: boolean;
  /** What it holds now; undefined once it is not live. */
  look(): Holding | undefined;
  /** Whether it is charged to the budget that stands at `node`, or to one below that. */
  isBelow(node: number): boolean;
}

/** The claim of a live handle. @throws StaleBlockError, StaleReservationError. */
export function claimOf(handle: Block | Reservation, core: Core): Claim {
  return "source" in handle
    ? new ReservationClaim(handle.source.budgets, handle.handle())
    : new BlockClaim(core, handle.handle());
}

class ReservationClaim implements Claim {
  readonly #budgets: Budgets;
  readonly #handle: ReservationHandle;

  constructor(budgets: Budgets, handle: ReservationHandle) {
    this.#budgets = budgets;
    this.#handle = handle;
  }

  get isLive(): boolean {
    const { record, claim } = this.#handle;
    return this.#budgets.core.exports.reservationIsLive(record, claim[0], claim[1]) !== 0;
  }

  look(): Holding | undefined {
    if (!this.isLive) return undefined;
    const { bytes, tag, node } = this.#budgets.reserved(this.#handle.record);
    const budgetPath = this.#budgets.path(node);
    // Another thread may have closed the budget meanwhile, and the record be somebody else's.
    return this.isLive ? { kind: "reservation", budgetPath, tag, bytes } : undefined;
  }

  isBelow(node: number): boolean {
    return this.isLive && this.#budgets.isBelow(this.#budgets.reserved(this.#handle.record).node, node);
  }
}

// Of each attachment: a Block does not say what it reads its budget by.
const budgetsOfCore = new WeakMap<Core, Budgets>();

function budgetsOf(core: Core): Budgets {
  const known = budgetsOfCore.get(core) ?? new Budgets(core);
  budgetsOfCore.set(core, known);
  return known;
}

class BlockClaim implements Claim {
  readonly #budgets: Budgets;
  readonly #handle: BlockHandle;

  constructor(core: Core, handle: BlockHandle) {
    this.#budgets = budgetsOf(core);
    this.#handle = handle;
  }

  get isLive(): boolean {
    const { offset, claim } = this.#handle;
    return this.#budgets.core.exports.blockIsLive(offset, claim[0], claim[1]) !== 0;
  }

  look(): Holding | undefined {
    if (!this.isLive) return undefined;
    const { offset } = this.#handle;
    const bytes = this.#budgets.core.exports.usableSize(offset) >>> 0;
    const budgetPath = this.#budgets.path(this.#budgets.chargedFor(offset).at);
    return this.isLive ? { kind: "block", budgetPath, tag: "", bytes } : undefined;
  }

  isBelow(node: number): boolean {
    return this.isLive && this.#budgets.isBelow(this.#budgets.chargedFor(this.#handle.offset).at, node);
  }
}

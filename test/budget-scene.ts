// What the tests of budgets, reservations and waiting share: two attachments to one region, the errors and rejections of what must
// fail, the bytes that a call changed, and the words by which a test plays a latch that is held or a death in the middle.
import { expect } from "vitest";
import * as L from "../assembly/shared/layout.js";
import { type Budget, Region, type RegionOptions, type Reservation, StaleReservationError } from "../src/index.js";
import { expectSound, region } from "./lib/regions.js";

/** A region, and a second attachment to it in this thread. */
export interface Pair {
  r: Region;
  other: Region;
}

/** Nobody waits for the latch in these regions: who does not get it is told so at once. */
export function pair(options: Partial<RegionOptions> = {}): Pair {
  const r = region({ busyMs: 0, ...options });
  return { r, other: Region.attachSync(r.handle()) };
}

/** What `act` throws; fails if it throws nothing. */
export function errorOf(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error(`nothing was thrown by ${String(act)}`);
}

/** What the promise is rejected with; fails if it is resolved. Listens from this instant on. */
export const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => {
      throw new Error("the promise was resolved");
    },
    (error: unknown) => error,
  );

/** How a request stands, to be looked at without waiting for it. */
export interface Outcome {
  state: "pending" | "granted" | "refused";
  reservation?: Reservation;
  error?: unknown;
}

export function watched(promise: Promise<Reservation>): Outcome {
  const outcome: Outcome = { state: "pending" };
  promise.then(
    (reservation) => Object.assign(outcome, { state: "granted", reservation }),
    (error: unknown) => Object.assign(outcome, { state: "refused", error }),
  );
  return outcome;
}

/** A request that waits until it is granted or ended. */
export const waits = (budget: Budget, bytes: number, signal?: AbortSignal): Outcome =>
  watched(budget.reserve(bytes, { timeout: Number.POSITIVE_INFINITY, ...(signal ? { signal } : {}) }));

export const codeOf = ({ error }: Outcome): string | undefined => (error as { code?: string } | undefined)?.code;

/** When this is over, each of these attachments has heard of all that was decided for it before. */
export async function allWoken(...regions: readonly Region[]): Promise<void> {
  for (const r of regions) {
    const marker = r.budget("marker", { limit: 1 });
    const held = take(marker, 1);
    const turn = marker.reserve(1, { timeout: Number.POSITIVE_INFINITY });
    held.release();
    (await turn).release();
  }
}

/** The reservation, where one must be granted. */
export function take(budget: Budget, bytes: number, tag?: string): Reservation {
  const reservation = budget.tryReserve(bytes, tag);
  if (reservation === null) throw new Error(`${budget.path} had no room for ${bytes} bytes`);
  return reservation;
}

/** Whether `bytes` bytes are granted this instant; nothing is kept. */
export function fits(budget: Budget, bytes: number): boolean {
  return budget.tryReserve(bytes)?.release() ?? false;
}

/** The largest request that is granted, by bisection; −1: none is. */
export function largest(budget: Budget): number {
  if (!fits(budget, 0)) return -1;
  let [least, most] = [0, Number.MAX_SAFE_INTEGER];
  while (least < most) {
    const middle = most - Math.floor((most - least) / 2);
    if (fits(budget, middle)) least = middle;
    else most = middle - 1;
  }
  return least;
}

/** One that was given back or passed on: it shows nothing, and whatever wants something of it says so. */
export function expectStale(reservation: Reservation, budget: Budget): void {
  const { isLive, size, tag, budgetPath } = reservation;
  expect([isLive, size, tag, budgetPath]).toEqual([false, 0, "", ""]);
  for (const act of [
    () => reservation.tryResize(0),
    () => reservation.split(0),
    () => reservation.moveTo(budget),
    () => reservation.handle(),
    () => reservation.share(),
  ]) {
    const error = errorOf(act);
    expect(error, String(act)).toBeInstanceOf(StaleReservationError);
    expect(error, String(act)).toMatchObject({ code: "ERR_RESERVATION_STALE" });
  }
  expect(reservation.release()).toBe(false);
}

/** Nothing is held and nobody waits: all of each budget is granted at once. */
export function expectAtRest(r: Region, ...budgets: readonly Budget[]): void {
  for (const budget of budgets) {
    expect([budget.usedBytes, budget.stats().items]).toEqual([0, 0]);
    expect(budget.tryReserve(budget.limitBytes)?.release(), `all of ${budget.path}`).toBe(true);
  }
  expectSound(r);
}

/** Used bytes of budgets, and every invariant of the region. */
export function expectUsed(r: Region, used: readonly (readonly [Budget, number])[]): void {
  for (const [budget, bytes] of used) expect(budget.usedBytes, `used bytes of ${budget.path}`).toBe(bytes);
  expectSound(r);
}

/** Where a refused call says why, in the caller's owner slot. */
const ANSWERS = [L.S_REASON, L.S_REFUSER];

/** Offsets of the words of the region that `act` changed, but for those where a refusal says why. */
export function changedBy(r: Region, act: () => unknown): number[] {
  const before = r.heap.u32.slice();
  act();
  const slot = L.SLOTS + (r.ownerId & 0xff) * L.SLOT_BYTES;
  const answers = ANSWERS.map((field) => (slot + field) >>> 2);
  const changed: number[] = [];
  for (let i = 0; i < before.length; i++) if (before[i] !== r.heap.u32[i] && !answers.includes(i)) changed.push(i * 4);
  return changed;
}

export const expectUntouched = (r: Region, what: string, act: () => unknown): void =>
  expect(changedBy(r, act), `bytes changed by ${what}`).toEqual([]);

/** The words of the budgets that a test writes to play what another thread is in the middle of. */
export class BudgetWords {
  readonly #words: Int32Array<ArrayBufferLike>;

  constructor({ heap }: Region) {
    this.#words = heap.i32;
  }

  #put(at: number, value: number): void {
    Atomics.store(this.#words, at >>> 2, value);
  }

  /** The owner that holds the latch of the budgets; 0: nobody. */
  get latch(): number {
    return Atomics.load(this.#words, L.H_BUDGET_LOCK >>> 2);
  }

  set latch(ownerId: number) {
    this.#put(L.H_BUDGET_LOCK, ownerId);
  }

  /** How many ever waited, modulo 2^32. */
  set ticket(ticket: number) {
    this.#put(L.H_TICKET, ticket);
  }

  /** How often something was decided for this attachment. */
  wakes({ ownerId }: Region): number {
    return Atomics.load(this.#words, (L.SLOTS + (ownerId & 0xff) * L.SLOT_BYTES + L.S_WAKE) >>> 2);
  }

  /** Says that a broken invariant was found. */
  poison(): void {
    this.#put(L.H_POISON, 1);
  }

  /** Makes the budget one that `closer` began to close and was cut in. */
  startClosing({ at, state }: Budget, closer: number): void {
    this.#put(at + L.B_CLOSER, closer);
    this.#put(at + L.B_STATE, (state & ~3) | L.BUDGET_CLOSING);
  }

  /** Makes a held reservation one whose holder gave it back while it could not have the latch, and died before it could say so. */
  startLeaving(reservation: Reservation): void {
    const { record, claim } = reservation.handle();
    const rest = (1 << (L.CLAIM_STATE_SHIFT - 32)) - 1;
    this.#put(record + 4, (claim[1] & rest) | (L.CLAIM_LEAVING << (L.CLAIM_STATE_SHIFT - 32)));
  }
}

// Runs commands against a region's budgets and the model side by side, and throws at the first difference. Several attachments to the
// region, all in this thread, act as its threads. After each command all that was decided is awaited, every counter is compared and
// every invariant of the region is walked.
import * as L from "../assembly/shared/layout.js";
import { type Budget, type CloseReport, MemoryLimitExceededError, Region, type Reservation } from "../src/index.js";
import { Model, type ModelBudget, type ModelReservation, type ModelWaiter } from "./budget-model.js";
import { allWoken, codeOf, type Outcome, waits } from "./budget-scene.js";
import { KIB } from "./lib/regions.js";

export const COMMANDS = [
  "reserve",
  "release",
  "resize",
  "split",
  "move",
  "child",
  "close",
  "setLimit",
  "wait",
  "cancel",
  "pass",
] as const;
export type CommandName = (typeof COMMANDS)[number];

export interface Command {
  name: CommandName;
  /** Which attachment does it. */
  owner: number;
  /** Which of the budgets, the reservations or those who wait. */
  which: number;
  /** Another choice of the command's: the budget to move to, what kind of limit. */
  other: number;
  bytes: number;
}

export interface Setting {
  owners: number;
  /** All sizes are multiples of it. */
  unit: number;
}

const BUDGETS_MAX = 12;
/** As many as one chunk of records holds: then their order is that of their places. */
const RECORDS_MAX = 45;
const ROOT_LIMIT = 1000;
const CODES = { never: "ERR_MEMORY_LIMIT_NEVER", closed: "ERR_BUDGET_CLOSED", cancelled: undefined } as const;

interface Waits {
  model: ModelWaiter;
  outcome: Outcome;
  owner: number;
  controller: AbortController;
  record: number;
}

export class Runner {
  readonly region: Region;
  readonly #owners: Region[];
  readonly #unit: number;
  readonly #model = new Model();
  /** Each budget as each attachment knows it. */
  readonly #budgets = new Map<ModelBudget, Budget[]>();
  readonly #live = new Map<ModelReservation, Reservation>();
  readonly #waiting = new Map<ModelWaiter, Waits>();
  /** Where each reservation's record stands. */
  readonly #records = new WeakMap<ModelReservation, number>();
  readonly #stale: Reservation[] = [];
  #names = 0;
  #was = new Map<ModelBudget, number>();
  /** How often each command did something. */
  readonly done: Partial<Record<CommandName | "granted late" | "refused", number>> = {};

  constructor({ owners, unit }: Setting) {
    this.region = Region.createSync({ size: 192 * KIB, maxOwners: 4, busyMs: 0 });
    this.#owners = [this.region];
    while (this.#owners.length < owners) this.#owners.push(Region.attachSync(this.region.handle()));
    this.#unit = unit;
    this.#open(undefined, ROOT_LIMIT * unit, 0, Infinity);
  }

  async run(command: Command): Promise<void> {
    this.#was = new Map(this.#model.budgets().map((budget) => [budget, this.#model.used(budget)]));
    this[command.name](command);
    await this.#settle();
    this.#compare(command.which);
  }

  /** Gives everything back and ends all waiting: then nothing is left but the minimums (I5). */
  async finish(): Promise<void> {
    for (const waiter of [...this.#waiting.keys()]) if (waiter.outcome === "waits") this.#cancel(waiter);
    await this.#settle();
    for (const reservation of [...this.#live.keys()]) this.#release(reservation);
    await this.#settle();
    this.#compare(0);
    for (const [budget, [real]] of this.#budgets) {
      const mins = [...budget.children].reduce((sum, child) => sum + Math.max(child.min, this.#model.used(child)), 0);
      if (real!.usedBytes !== mins)
        fail(`${real!.path} uses ${real!.usedBytes} bytes, its children's minimums are ${mins}`);
    }
    for (const root of [...this.#model.roots]) this.#closeTree(root);
    const { ok, problems } = this.region.check();
    if (!ok) fail(`in the end: ${problems.join("; ")}`);
  }

  #count(what: CommandName | "granted late" | "refused"): void {
    this.done[what] = (this.done[what] ?? 0) + 1;
  }

  #pick<T>(of: Iterable<T>, which: number): T | undefined {
    const all = [...of];
    return all[which % Math.max(1, all.length)];
  }

  #by(budget: ModelBudget, owner: number): Budget {
    const all = this.#budgets.get(budget)!;
    return all[owner % all.length]!;
  }

  get #isFull(): boolean {
    return this.#live.size + this.#waiting.size >= RECORDS_MAX;
  }

  #open(parent: ModelBudget | undefined, limit: number, min: number, maxItems: number): void {
    const name = `b${this.#names++}`;
    const bypass = Number.isFinite(limit) ? limit % 4 : 0;
    const model = this.#model.open(parent, name, limit, min, maxItems, bypass);
    const open = (owner: number): Budget =>
      parent === undefined
        ? this.#owners[owner]!.budget(name, { limit, min, maxItems, bypass })
        : this.#by(parent, owner).child(name, { limit, min, maxItems, bypass });
    try {
      const all = [open(0)];
      if (model === undefined) fail(`a budget with a minimum of ${min} was made where the model has no room for it`);
      for (let owner = 1; owner < this.#owners.length; owner++) all.push(open(owner));
      this.#budgets.set(model, all);
      this.#count("child");
    } catch (error) {
      if (!(error instanceof MemoryLimitExceededError)) throw error;
      if (model !== undefined) fail(`a budget with a minimum of ${min} was refused: ${error.message}`);
      this.#count("refused");
    }
  }

  child({ which, other, bytes }: Command): void {
    if (this.#budgets.size >= BUDGETS_MAX) return;
    const parent = other % 7 === 6 ? undefined : this.#pick(this.#budgets.keys(), which);
    const kind = other % 5;
    const limit = kind === 0 ? Infinity : (bytes + (kind === 1 ? 0 : 200)) * this.#unit;
    const min = other % 3 === 0 ? Math.min(limit, Math.floor(bytes / 3) * this.#unit) : 0;
    this.#open(parent, limit, min, other % 4 === 0 ? 1 + (which % 6) : Infinity);
  }

  reserve({ owner, which, bytes }: Command): void {
    const budget = this.#pick(this.#budgets.keys(), which);
    if (budget === undefined || this.#isFull) return;
    const size = bytes * this.#unit;
    const [real, model] = [this.#by(budget, owner).tryReserve(size), this.#model.reserve(budget, size)];
    this.#granted(real, model, `${size} bytes of ${budget.name}`);
  }

  #granted(real: Reservation | null, model: ModelReservation | undefined, what: string): void {
    if ((real === null) !== (model === undefined))
      fail(`${what} was ${real === null ? "refused" : "granted"}, by the model it is ${model ? "granted" : "refused"}`);
    if (model === undefined || real === null) return this.#count("refused");
    this.#live.set(model, real);
    this.#records.set(model, real.handle().record);
    this.#count("reserve");
  }

  wait({ owner, which, bytes }: Command): void {
    const budget = this.#pick(this.#budgets.keys(), which);
    if (budget === undefined || this.#isFull) return;
    const controller = new AbortController();
    const index = owner % this.#owners.length;
    const outcome = waits(this.#by(budget, index), bytes * this.#unit, controller.signal);
    const record = this.#lastRecord(index);
    const model = this.#model.wait(budget, bytes * this.#unit);
    this.#waiting.set(model, { model, outcome, owner: index, controller, record });
    this.#count("wait");
  }

  /** The record that this attachment's last request was given. */
  #lastRecord(owner: number): number {
    const { u32, i32 } = this.region.heap;
    const claim = (L.SLOTS + (this.#owners[owner]!.ownerId & 0xff) * L.SLOT_BYTES + L.S_CLAIM) >>> 2;
    for (let chunk = u32[(L.H_RECORDS + 4) >>> 2]!; chunk !== 0; chunk = u32[(chunk + L.CHUNK_NEXT) >>> 2]!) {
      const first = chunk + L.CHUNK_HEADER;
      for (let i = 0; i < u32[(chunk + L.CHUNK_COUNT) >>> 2]!; i++) {
        const at = (first + i * L.RESERVATION_BYTES) >>> 2;
        if (i32[at] === i32[claim] && i32[at + 1] === i32[claim + 1]) return at * 4;
      }
    }
    return 0;
  }

  release({ which }: Command): void {
    const reservation = this.#pick(this.#live.keys(), which);
    if (reservation === undefined) return;
    this.#release(reservation);
    this.#count("release");
  }

  #release(reservation: ModelReservation): void {
    const real = this.#live.get(reservation)!;
    if (!real.release()) fail("a live reservation was not released");
    if (real.release()) fail("a reservation was released twice");
    this.#live.delete(reservation);
    this.#stale.push(real);
    this.#model.release(reservation);
  }

  resize({ which, bytes }: Command): void {
    const reservation = this.#pick(this.#live.keys(), which);
    if (reservation === undefined) return;
    const [from, to] = [reservation.bytes, bytes * this.#unit];
    const real = this.#live.get(reservation)!.tryResize(to);
    if (real !== this.#model.resize(reservation, to)) fail(`tryResize from ${from} to ${to} was ${real}`);
    this.#count(real ? "resize" : "refused");
  }

  split({ which, bytes }: Command): void {
    const reservation = this.#pick(this.#live.keys(), which);
    if (reservation === undefined || this.#isFull) return;
    const part = Math.min(reservation.bytes, bytes * this.#unit);
    const real = this.#live.get(reservation)!.split(part);
    this.#granted(real, this.#model.split(reservation, part), `a split of ${part} bytes`);
    this.#count("split");
  }

  move({ owner, which, other }: Command): void {
    const reservation = this.#pick(this.#live.keys(), which);
    const budget = this.#pick(this.#budgets.keys(), other);
    if (reservation === undefined || budget === undefined) return;
    const what = `a move of ${reservation.bytes} bytes from ${reservation.budget.name} to ${budget.name}`;
    const real = this.#live.get(reservation)!.moveTo(this.#by(budget, owner));
    if (real !== this.#model.move(reservation, budget)) fail(`${what} was ${real}`);
    this.#count(real ? "move" : "refused");
  }

  setLimit({ owner, which, other, bytes }: Command): void {
    const budget = this.#pick(this.#budgets.keys(), which);
    if (budget === undefined) return;
    const limit = other % 6 === 0 ? Infinity : (other % 2 ? bytes : bytes * 4) * this.#unit;
    this.#by(budget, owner).setLimit(limit);
    this.#model.setLimit(budget, limit, this.#waitingInOrder());
    this.#count("setLimit");
  }

  #waitingInOrder(): ModelWaiter[] {
    return [...this.#waiting.values()].sort((one, two) => one.record - two.record).map(({ model }) => model);
  }

  cancel({ which }: Command): void {
    const waiter = this.#pick(this.#waiting.keys(), which);
    if (waiter === undefined) return;
    this.#cancel(waiter);
    this.#count("cancel");
  }

  #cancel(waiter: ModelWaiter): void {
    this.#waiting.get(waiter)!.controller.abort("cancelled");
    this.#model.cancel(waiter);
  }

  /** A reservation goes to another attachment, or becomes the region's: no counter changes. */
  pass({ owner, which, other }: Command): void {
    const reservation = this.#pick(this.#live.keys(), which);
    if (reservation === undefined) return;
    const real = this.#live.get(reservation)!;
    const taker = this.#owners[owner % this.#owners.length]!;
    this.#live.set(reservation, other % 2 ? real.share() : taker.adoptReservation(real.handle()));
    if (other % 2 === 0) this.#stale.push(real);
    this.#count("pass");
  }

  close({ owner, which }: Command): void {
    const budget = this.#pick(this.#budgets.keys(), which);
    // A tree without its root is soon nothing.
    if (budget === undefined || (budget.parent === undefined && which % 5 !== 0)) return;
    this.#closeTree(budget, owner);
    if (this.#model.roots.size === 0) this.#open(undefined, ROOT_LIMIT * this.#unit, 0, Infinity);
    this.#count("close");
  }

  #closeTree(budget: ModelBudget, owner = 0): void {
    const handles = new Map(this.#model.budgets().map((each) => [this.#by(each, 0).path, each]));
    const waiting = this.#waitingInOrder();
    this.#closed(this.#by(budget, owner).close(), handles, waiting);
  }

  /** The model does what the report says was done, in its order: first what is below. */
  #closed(report: CloseReport, handles: ReadonlyMap<string, ModelBudget>, waiting: readonly ModelWaiter[]): void {
    const budget = handles.get(report.path)!;
    for (const child of report.children) this.#closed(child, handles, waiting);
    const live = this.#inOrder();
    const expected = this.#model.close(budget, waiting, live);
    for (const reservation of live) {
      if (reservation.budget !== budget) continue;
      const real = this.#live.get(reservation);
      // One that was granted in this very command was never anybody's.
      if (real !== undefined) this.#stale.push(real);
      this.#live.delete(reservation);
    }
    const sum = report.consumers.reduce((bytes, consumer) => bytes + consumer.bytes, 0);
    if (
      report.leaked !== expected.leaked ||
      report.leakedBytes !== expected.leakedBytes ||
      sum !== expected.leakedBytes
    )
      fail(`close of ${report.path} reports ${JSON.stringify(report)}, by the model ${JSON.stringify(expected)}`);
    for (const real of this.#budgets.get(budget)!) if (real.isOpen) fail(`${real.path} is open after its close`);
    this.#budgets.delete(budget);
  }

  /** What lives, in the order of its records; what was granted in this command has its record from when it waited. */
  #inOrder(): ModelReservation[] {
    for (const waiter of this.#model.decided)
      if (waiter.reservation) this.#records.set(waiter.reservation, this.#waiting.get(waiter)!.record);
    const record = (reservation: ModelReservation): number => this.#records.get(reservation) ?? 0;
    return [...this.#model.live].sort((one, two) => record(one) - record(two));
  }

  /** Waits for all that the model says is decided; each must have come out like that. */
  async #settle(): Promise<void> {
    const { decided } = this.#model;
    this.#model.decided = [];
    const all = decided.map((waiter) => this.#waiting.get(waiter)!);
    for (const owner of new Set(all.map(({ owner }) => owner))) await allWoken(this.#owners[owner]!);
    for (const { model, outcome, record } of all) {
      this.#waiting.delete(model);
      // One that was granted and closed in the same command was never its holder's.
      const isGone = model.reservation !== undefined && !this.#model.live.has(model.reservation);
      const expected = model.outcome === "granted" && !isGone ? "granted" : "refused";
      const what = `a request of ${model.bytes} bytes of ${model.budget.name}`;
      if (outcome.state !== expected) fail(`${what} is ${outcome.state}, by the model ${model.outcome}`);
      if (expected === "refused") {
        const code = isGone ? CODES.closed : CODES[model.outcome as keyof typeof CODES];
        if (codeOf(outcome) !== code) fail(`${what} was refused with ${codeOf(outcome)}, by the model with ${code}`);
        continue;
      }
      if (outcome.reservation!.size !== model.bytes)
        fail(`${what} was granted ${outcome.reservation!.size} bytes (I6)`);
      this.#records.set(model.reservation!, record);
      this.#live.set(model.reservation!, outcome.reservation!);
      this.#count("granted late");
    }
  }

  /** Every counter, every reservation, every invariant. */
  #compare(which: number): void {
    for (const [budget, all] of this.#budgets) {
      const [used, items] = [this.#model.used(budget), this.#model.items(budget)];
      for (const real of all.slice(0, 1 + (which % 2))) {
        const is = [real.usedBytes, real.stats().items, real.peakBytes, real.limitBytes, real.isOpen];
        const must = [used, items, budget.peak, budget.limit, true];
        if (is.some((value, i) => value !== must[i]))
          fail(`${real.path} says used, items, peak, limit, open = ${is.join(", ")}; by the model ${must.join(", ")}`);
      }
      if (used > budget.limit && used > (this.#was.get(budget) ?? 0)) fail(`${budget.name} grew beyond its limit (I2)`);
      this.#requireQueue(budget);
    }
    for (const [reservation, real] of this.#live)
      if (real.size !== reservation.bytes) fail(`a reservation of ${reservation.bytes} bytes says ${real.size}`);
    for (const real of this.#stale.splice(0, 20)) if (real.isLive || real.release()) fail("a stale reservation lives");
    for (const { model, outcome } of this.#waiting.values())
      if (outcome.state !== "pending") fail(`a request is ${outcome.state}, by the model it ${model.outcome}`);
    this.#requireAvailable(this.#pick(this.#budgets.keys(), which));
    const { ok, problems } = this.region.check();
    if (!ok) fail(problems.join("; "));
  }

  /** While nothing happens the first in line has no room, and those behind it came later (I4). */
  #requireQueue({ queue, name }: ModelBudget): void {
    const [first] = queue;
    if (first === undefined) return;
    const { budget, bytes, ticket } = first;
    if (this.#model.refuser({ budget, bytes, items: 1, ticket }) === undefined)
      fail(`the first in ${name} has room (I4)`);
    const goesOn = ({ budget, bytes, ticket }: ModelWaiter): boolean =>
      this.#model.refuser({ budget, bytes, items: 1, ticket }) === undefined;
    if (queue.some(goesOn)) fail(`one that may pass the first in ${name} has room (I4)`);
    if (queue.some((waiter, i) => i > 0 && waiter.ticket < queue[i - 1]!.ticket)) fail(`${name} is out of order`);
  }

  /** As far as bytes go, what is available fits and one unit more does not. */
  #requireAvailable(budget: ModelBudget | undefined): void {
    if (budget === undefined) return;
    const available = this.#by(budget, 0).availableBytes;
    const fits = (bytes: number): boolean => {
      const wish = { budget, bytes, items: 0, ticket: 0 };
      const rest = (at: ModelBudget): boolean => {
        const after = this.#model.used(at, undefined, wish);
        return after <= at.limit || after <= this.#model.used(at);
      };
      return [...budget.path()].every(rest);
    };
    if (!fits(available) && available !== Infinity) fail(`${budget.name} has ${available} available, which do not fit`);
    if (available !== Infinity && fits(available + this.#unit))
      fail(`${budget.name} has more available than ${available}`);
  }
}

function fail(what: string): never {
  throw new Error(what);
}

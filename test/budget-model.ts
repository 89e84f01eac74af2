// The reference model of the budgets: plain objects, every sum made anew from the reservations that live. It knows nothing of latches,
// records or journals; it holds the core to what is promised: who is granted, who waits behind whom, and what each counter then says.
//
//   used(b) = Σ bytes reserved in b + Σ over its children max(used, min)                                     (I1, I3)

export interface ModelReservation {
  budget: ModelBudget;
  bytes: number;
}

export interface ModelWaiter extends ModelReservation {
  /** Its place among all that ever waited. */
  readonly ticket: number;
  /** The budget that had no room for it. */
  at: ModelBudget;
  outcome: "waits" | "granted" | "never" | "closed" | "cancelled";
  /** How many were granted before it while it was first. */
  passed: number;
  reservation?: ModelReservation;
}

export class ModelBudget {
  readonly children = new Set<ModelBudget>();
  /** Those that wait for room in it, the oldest first. */
  queue: ModelWaiter[] = [];
  /** Some budget below it has, or had, a minimum. */
  isAboveMinimum = false;
  isOpen = true;
  peak = 0;

  constructor(
    readonly name: string,
    readonly parent: ModelBudget | undefined,
    public limit: number,
    readonly min: number,
    readonly maxItems: number,
    readonly bypass: number,
  ) {}

  /** From this one to the root. */
  *path(): Generator<ModelBudget> {
    yield this;
    if (this.parent !== undefined) yield* this.parent.path();
  }

  isBelow(above: ModelBudget): boolean {
    return [...this.path()].includes(above);
  }
}

/** What would be reserved, and by whom. */
interface Wish {
  budget: ModelBudget;
  bytes: number;
  items: number;
  /** 0: it does not wait, so everybody who does came first. */
  ticket: number;
  /** What is given back in the same step. */
  instead?: ModelReservation;
}

/** Whether somebody waits in this budget who came before. */
const isBehind = ({ queue: [first] }: ModelBudget, { ticket }: Wish): boolean =>
  first !== undefined && (ticket === 0 || first.ticket < ticket);

export class Model {
  readonly roots = new Set<ModelBudget>();
  readonly live = new Set<ModelReservation>();
  #tickets = 0;
  /** What was decided of who waits since somebody looked. */
  decided: ModelWaiter[] = [];

  budgets(): ModelBudget[] {
    const all: ModelBudget[] = [...this.roots];
    for (const budget of all) all.push(...budget.children);
    return all;
  }

  used(budget: ModelBudget, without?: ModelReservation, extra?: Wish): number {
    let sum = extra?.budget === budget ? extra.bytes : 0;
    for (const reservation of this.live)
      if (reservation.budget === budget && reservation !== without) sum += reservation.bytes;
    for (const child of budget.children) sum += Math.max(this.used(child, without, extra), child.min);
    return sum;
  }

  items(budget: ModelBudget): number {
    let count = 0;
    for (const reservation of this.live) if (reservation.budget.isBelow(budget)) count++;
    return count;
  }

  /** The budget that has no room for it, or in which others wait who came before; undefined: it is granted. */
  refuser(wish: Wish): ModelBudget | undefined {
    const { instead } = wish;
    for (const at of wish.budget.path()) {
      const after = this.used(at, instead, wish);
      const isMore = after > this.used(at);
      if (isMore && (after > at.limit || (isBehind(at, wish) && at.queue[0]!.passed >= at.bypass))) return at;
      const left = instead?.budget.isBelow(at) ? 1 : 0;
      if (wish.items > 0 && this.items(at) + wish.items - left > at.maxItems) return at;
    }
    return undefined;
  }

  /** As refuser, of one that is granted if there is none: with those before whom it is granted that is counted. */
  #admit(wish: Wish): boolean {
    if (this.refuser(wish) !== undefined) return false;
    for (const at of wish.budget.path()) {
      const isMore = this.used(at, wish.instead, wish) > this.used(at);
      if (isMore && isBehind(at, wish)) at.queue[0]!.passed++;
    }
    return true;
  }

  /** Whether so many bytes pass a limit whatever is given back: what a minimum further down covers is charged there already. */
  isImpossible(budget: ModelBudget, bytes: number): boolean {
    let covered = 0;
    for (const at of budget.path()) {
      if (bytes > at.limit && bytes > covered) return true;
      covered = Math.max(covered, at.min);
    }
    return false;
  }

  /** After each step that changes a counter. */
  #mark(): void {
    for (const budget of this.budgets()) budget.peak = Math.max(budget.peak, this.used(budget));
  }

  open(
    parent: ModelBudget | undefined,
    name: string,
    limit: number,
    min: number,
    maxItems: number,
    bypass: number,
  ): ModelBudget | undefined {
    if (parent !== undefined && min > 0) {
      // Its minimum needs room like a reservation, but is none.
      if (!this.#admit({ budget: parent, bytes: min, items: 0, ticket: 0 })) return undefined;
    }
    const budget = new ModelBudget(name, parent, limit, min, maxItems, bypass);
    for (const above of min > 0 && parent !== undefined ? parent.path() : []) above.isAboveMinimum = true;
    (parent?.children ?? this.roots).add(budget);
    this.#mark();
    return budget;
  }

  reserve(budget: ModelBudget, bytes: number): ModelReservation | undefined {
    if (!this.#admit({ budget, bytes, items: 1, ticket: 0 })) return undefined;
    return this.#grant(budget, bytes);
  }

  #grant(budget: ModelBudget, bytes: number): ModelReservation {
    const reservation = { budget, bytes };
    this.live.add(reservation);
    this.#mark();
    return reservation;
  }

  wait(budget: ModelBudget, bytes: number): ModelWaiter {
    const at = this.refuser({ budget, bytes, items: 1, ticket: 0 });
    const waiter: ModelWaiter = {
      budget,
      bytes,
      ticket: ++this.#tickets,
      at: at ?? budget,
      outcome: "waits",
      passed: 0,
    };
    if (at === undefined) this.#decideIfAdmitted(waiter, 0);
    else if (this.isImpossible(budget, bytes)) this.#decide(waiter, "never");
    else this.#line(waiter, at);
    return waiter;
  }

  #decideIfAdmitted(waiter: ModelWaiter, ticket: number): void {
    const { budget, bytes } = waiter;
    if (this.#admit({ budget, bytes, items: 1, ticket })) this.#decide(waiter, "granted");
  }

  #line(waiter: ModelWaiter, at: ModelBudget): void {
    waiter.at = at;
    at.queue = [...at.queue, waiter].sort((one, two) => one.ticket - two.ticket);
  }

  #leave(waiter: ModelWaiter): void {
    waiter.at.queue = waiter.at.queue.filter((other) => other !== waiter);
  }

  #decide(waiter: ModelWaiter, outcome: ModelWaiter["outcome"]): void {
    this.#leave(waiter);
    waiter.outcome = outcome;
    if (outcome === "granted") waiter.reservation = this.#grant(waiter.budget, waiter.bytes);
    this.decided.push(waiter);
  }

  /** Grants, from `budget` to the root, whoever is first and has room. */
  #serve(budget: ModelBudget | undefined): void {
    for (const at of budget?.path() ?? []) {
      while (at.queue[0] !== undefined && this.#serveOne(at.queue[0]));
      // Where nobody behind the first can be granted before it they are not looked at, nor sent on.
      const isLookedAt = at.bypass > 0 || at.maxItems !== Infinity || at.isAboveMinimum;
      for (const waiter of isLookedAt ? at.queue.slice(1) : []) this.#serveOne(waiter);
    }
  }

  #serveOne(waiter: ModelWaiter): boolean {
    const { budget, bytes, ticket } = waiter;
    const refuser = budget.isOpen ? this.refuser({ budget, bytes, items: 1, ticket }) : undefined;
    if (!budget.isOpen) this.#decide(waiter, "closed");
    else if (refuser === undefined) this.#decideIfAdmitted(waiter, ticket);
    else if (this.isImpossible(budget, bytes)) this.#decide(waiter, "never");
    else if (refuser === waiter.at) return false;
    else {
      const [displaced] = refuser.queue;
      this.#leave(waiter);
      this.#line(waiter, refuser);
      // What was counted of the one before which it comes counts for it.
      if (refuser.queue[0] === waiter) waiter.passed = Math.max(waiter.passed, displaced?.passed ?? 0);
    }
    return true;
  }

  cancel(waiter: ModelWaiter): void {
    this.#decide(waiter, "cancelled");
    this.#serve(waiter.at);
  }

  release(reservation: ModelReservation): void {
    this.live.delete(reservation);
    this.#serve(reservation.budget);
  }

  resize(reservation: ModelReservation, bytes: number): boolean {
    const { budget } = reservation;
    const more = bytes - reservation.bytes;
    if (more > 0 && !this.#admit({ budget, bytes: more, items: 0, ticket: 0 })) return false;
    reservation.bytes = bytes;
    this.#mark();
    if (more < 0) this.#serve(budget);
    return true;
  }

  split(reservation: ModelReservation, bytes: number): ModelReservation | undefined {
    const { budget } = reservation;
    if (this.refuser({ budget, bytes: 0, items: 1, ticket: 0 }) !== undefined) return undefined;
    reservation.bytes -= bytes;
    return this.#grant(budget, bytes);
  }

  move(reservation: ModelReservation, budget: ModelBudget): boolean {
    const { bytes, budget: from } = reservation;
    if (!this.#admit({ budget, bytes, items: 1, ticket: 0, instead: reservation })) return false;
    reservation.budget = budget;
    this.#mark();
    this.#serve(from);
    return true;
  }

  /** `inOrder` is how those who wait are found. */
  setLimit(budget: ModelBudget, limit: number, inOrder: readonly ModelWaiter[]): void {
    const isLower = limit < budget.limit;
    budget.limit = limit;
    for (const waiter of isLower ? inOrder : []) {
      if (waiter.outcome !== "waits" || !this.isImpossible(waiter.budget, waiter.bytes)) continue;
      this.#decide(waiter, "never");
      this.#serve(waiter.at);
    }
    this.#serve(budget);
  }

  /** Closes a budget that has none below it; `waiting` and `live` are in the order in which they are found. Returns what was leaked. */
  close(
    budget: ModelBudget,
    waiting: readonly ModelWaiter[],
    live: readonly ModelReservation[],
  ): { leaked: number; leakedBytes: number } {
    budget.isOpen = false;
    for (const waiter of waiting) {
      if (waiter.outcome !== "waits" || waiter.budget !== budget) continue;
      this.#decide(waiter, "closed");
      this.#serve(waiter.at);
    }
    const leaked = live.filter((reservation) => reservation.budget === budget);
    for (const reservation of leaked) this.release(reservation);
    (budget.parent?.children ?? this.roots).delete(budget);
    this.#serve(budget.parent);
    return { leaked: leaked.length, leakedBytes: leaked.reduce((sum, { bytes }) => sum + bytes, 0) };
  }
}

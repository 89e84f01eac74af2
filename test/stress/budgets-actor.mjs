// One thread's part in budgets-kill.test.ts: random operations on a tree of budgets that it shares, until somebody stops it for good. What it
// holds and what it waits for it knows by itself, so that an audit can compare. Errors are told by their code, so sources and built
// package are both welcome.

const BUSY = "ERR_REGION_BUSY";
const FULL = "ERR_MEMORY_LIMIT";
const NEVER = "ERR_MEMORY_LIMIT_NEVER";
const CLOSED = "ERR_BUDGET_CLOSED";
const STALE = "ERR_RESERVATION_STALE";
const TIMED_OUT = "ERR_MEMORY_LIMIT_TIMEOUT";

/** What each kind of thread does how often. */
const KINDS = {
  mixed: { reserve: 10, release: 9, resize: 4, split: 2, move: 4, wait: 3, cancel: 1, scratch: 1, check: 0.02 },
  reserving: { reserve: 10, release: 9 },
  waiting: { wait: 10, reserve: 4, release: 8, cancel: 2 },
  moving: { reserve: 4, release: 4, resize: 8, split: 6, move: 10 },
  closing: { scratch: 10, release: 1 },
  naming: { name: 10 },
};

const MOST = { held: 40, waiting: 20 };

/** The tree, the same for all threads: a root that binds, a child with a minimum, one with a limit, one below it, one for budgets that come and go. */
export function openTree(region) {
  const root = region.budget("root", { limit: 1000 });
  const safe = root.child("safe", { min: 100 });
  const tight = root.child("tight", { limit: 400, maxItems: 60 });
  return { root, safe, tight, deep: tight.child("deep"), scratch: root.child("scratch") };
}

/** Names that are long and alike are looked for long, with the latch held. */
export const longName = (number) => `${"name".padEnd(50, "-")} ${100 + number}`;

export function createActor(region, { seed, kind }) {
  // Who only ever names budgets has claimed nothing when it dies.
  const tree = kind === "naming" ? undefined : openTree(region);
  const places = tree ? [tree.root, tree.safe, tree.tight, tree.deep] : [];
  const held = [];
  const waiting = new Set();
  const counts = {
    steps: 0,
    granted: 0,
    refused: 0,
    waited: 0,
    late: 0,
    timedOut: 0,
    moved: 0,
    closed: 0,
    busy: 0,
    stale: 0,
  };
  const weights = Object.entries(KINDS[kind]);
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);

  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (limit) => next() % limit;
  const size = () => (below(10) === 0 ? 200 + below(500) : 1 + below(60));
  const place = () => places[below(places.length)];
  const tag = () => (below(4) ? undefined : `tag ${below(20)}`);

  /** What `act` returns; undefined when the latch was not to be had, or what it was done to is gone. */
  function tried(act) {
    try {
      return act();
    } catch (error) {
      if (error.code === BUSY) counts.busy++;
      else if (error.code === CLOSED) counts.closed++;
      else if (error.code === STALE) counts.stale++;
      // A budget whose minimum has no room.
      else if (error.code === FULL) counts.refused++;
      else throw error;
      return undefined;
    }
  }

  const keep = (reservation) => {
    if (!reservation) counts.refused++;
    else {
      counts.granted++;
      held.push(reservation);
    }
  };

  const acts = {
    reserve() {
      if (held.length >= MOST.held) acts.release();
      keep(tried(() => place().tryReserve(size(), tag())));
    },
    release() {
      if (held.length === 0) return;
      const [reservation] = held.splice(below(held.length), 1);
      // False when its budget was closed.
      if (!reservation.release()) counts.stale++;
    },
    resize() {
      if (held.length > 0) tried(() => held[below(held.length)].tryResize(size()));
    },
    split() {
      if (held.length === 0 || held.length >= MOST.held) return;
      const reservation = held[below(held.length)];
      const part = tried(() => reservation.split(below(reservation.size + 1)));
      if (part) keep(part);
    },
    move() {
      if (held.length > 0 && tried(() => held[below(held.length)].moveTo(place()))) counts.moved++;
    },
    wait() {
      if (waiting.size >= MOST.waiting) return;
      counts.waited++;
      const controller = new AbortController();
      waiting.add(controller);
      const timeout = below(3) ? Number.POSITIVE_INFINITY : below(30);
      place()
        .reserve(size(), { timeout, signal: controller.signal, tag: tag() })
        .then(
          (reservation) => {
            counts.late++;
            held.push(reservation);
          },
          (error) => {
            if (error?.code === BUSY) counts.busy++;
            else if (error?.code === TIMED_OUT) counts.timedOut++;
            else if (error?.code === NEVER) counts.refused++;
            else if (error !== "cancelled") throw error;
          },
        )
        .finally(() => waiting.delete(controller));
    },
    cancel() {
      const controller = [...waiting][below(Math.max(1, waiting.size))];
      controller?.abort("cancelled");
    },
    /** A budget that is made, filled and closed, by whoever comes first. */
    scratch() {
      const budget = tried(() => tree.scratch.child(`scratch ${below(6)}`, { min: below(20) }));
      if (!budget) return;
      const low = below(2) ? tried(() => budget.child("low")) : undefined;
      for (let i = below(6); i > 0; i--) tried(() => (low ?? budget).tryReserve(below(20)));
      if (below(3)) tried(() => budget.close());
    },
    name() {
      tried(() => region.budget(longName(below(20))));
    },
    check() {
      const report = tried(() => region.check());
      if (report && !report.ok) throw new Error(`${report.problems.join("; ")}; actor seed ${seed}, kind ${kind}`);
    },
  };

  return {
    counts,
    tree,
    held,
    waiting,
    step() {
      counts.steps++;
      let at = (next() / 2 ** 32) * total;
      let index = 0;
      while (index < weights.length - 1 && at >= weights[index][1]) at -= weights[index++][1];
      acts[weights[index][0]]();
    },
    /** Ends all waiting. What was granted and not told yet is given back by that. */
    cancelAll() {
      for (const controller of waiting) controller.abort("cancelled");
    },
    releaseAll() {
      for (const reservation of held.splice(0)) reservation.release();
    },
  };
}

// Ring history: what the calls on a ring of one schedule answered, and when each began and ended; and whether there is an order of them, in
// which each takes effect at an instant between its beginning and its end, that a plain bounded queue would have answered so.
//
// A call that a death or an exception cut took effect, or in part, or not. A record that a call took and never told of is gone: or, where the
// ring delivers again, in the list of those.

import { Violation } from "./thread.mjs";

/** Calls that a death or an exception cut. */
export const isCut = ({ end }) => end === Infinity;

/** What each kind of call may do next: a list of [state after it, whether that was the last]. */
const STEPS = {
  push: (s, op, q) => pushSteps(s, op, q),
  pop: (s, op, q) => popSteps(s, op, q),
  close(s, op) {
    if (!isCut(op) && op.result === s.closed) return [];
    return [[{ ...s, closed: true }, true]];
  },
  limit: (s, op) => [[{ ...s, limit: op.limit }, true]],
};

const bytesIn = (queue, sizes) => queue.reduce((sum, id) => sum + sizes.get(id), 0);

function hasPlace({ queue }, bytes, { limit, bytesMax, sizes }) {
  return queue.length < limit && bytesIn(queue, sizes) + bytes <= bytesMax;
}

/** A push puts in so many records one after the other; where the oldest make room it finds the ring full before each that it drops. */
function pushSteps(s, op, q) {
  const next = [];
  const done = s.progress[op.number];
  const id = op.ids[done.count];
  const refused = !isCut(op) && done.count === op.result.count;
  if (refused) return endOfPush(s, op, q, done, id);
  if (id === undefined) return [];
  const bytes = q.sizes.get(id);
  const most = Math.max(s.limit, ...op.limits);
  if (!s.closed && hasPlace(s, bytes, { ...q, limit: most })) {
    const after = { ...s, queue: [...s.queue, id] };
    next.push([
      advance(after, op, { count: done.count + 1, isArmed: false }),
      op.result?.why === undefined && done.count + 1 === op.ids.length,
    ]);
  }
  if (q.drops) next.push(...dropSteps(s, op, q, done, bytes));
  return next;
}

function dropSteps(s, op, q, done, bytes) {
  const next = [];
  if (!done.isArmed && !hasPlace(s, bytes, { ...q, limit: s.limit }))
    next.push([advance(s, op, { ...done, isArmed: true }), false]);
  if ((done.isArmed || q.isLenient) && s.queue.length > 0 && op.result?.why !== "dropped")
    next.push([advance({ ...s, queue: s.queue.slice(1) }, op, { ...done, isArmed: false }), false]);
  return next;
}

function endOfPush(s, op, q, done, id) {
  const { why, old } = op.result;
  const bytes = q.sizes.get(id) ?? 0;
  if (why === "closed") return s.closed ? [[s, true]] : dropSteps(s, op, q, done, bytes);
  if (why === "busy") return [[s, true], ...(q.drops ? dropSteps(s, op, q, done, bytes) : [])];
  const isFull = !hasPlace(s, bytes, { ...q, limit: Math.min(s.limit, ...op.limits) });
  if (why === "full" && isFull && (!q.drops || s.queue.length === 0)) return [[s, true]];
  if (why === "dropped") {
    if (done.isArmed && s.queue[0] === old) return [[{ ...s, queue: s.queue.slice(1) }, true]];
    return done.isArmed ? [] : dropSteps(s, op, q, done, bytes);
  }
  return q.drops ? dropSteps(s, op, q, done, bytes) : [];
}

function advance(s, op, progress) {
  const all = [...s.progress];
  all[op.number] = progress;
  return { ...s, progress: all };
}

function popSteps(s, op, q) {
  const done = s.progress[op.number];
  const next = [];
  if (isCut(op)) {
    if (done.count < op.most && s.queue.length > 0)
      next.push([
        advance({ ...s, queue: s.queue.slice(1), gone: [...s.gone, s.queue[0]] }, op, { count: done.count + 1 }),
        false,
      ]);
    return next;
  }
  const { ids, why } = op.result;
  if (done.count < ids.length) {
    const id = ids[done.count];
    const isLast = why === undefined && done.count + 1 === ids.length;
    const gone = op.isLost ? [...s.gone, id] : s.gone;
    if (s.queue[0] === id)
      next.push([advance({ ...s, queue: s.queue.slice(1), gone }, op, { count: done.count + 1 }), isLast]);
    const at = s.gone.indexOf(id);
    if (q.again && at >= 0) {
      const left = s.gone.toSpliced(at, 1);
      next.push([advance({ ...s, gone: op.isLost ? [...left, id] : left }, op, { count: done.count + 1 }), isLast]);
    }
    return next;
  }
  if (s.queue.length === 0 && s.closed === (why === "ended")) next.push([s, true]);
  return next;
}

const keyOf = ({ queue, gone, closed, limit, progress, over }) =>
  `${queue}|${gone}|${closed}|${limit}|${over}|${progress.map(({ count, isArmed }) => `${count}${isArmed ? "!" : ""}`)}`;

/** Looks for an order; throws where there is none. */
export function requireOrder(ops, start, q) {
  ops.forEach((op, number) => {
    op.number = number;
    const beside = ops.filter((other) => other.kind === "limit" && other.begin < op.end && op.begin < other.end);
    op.limits = op.kind === "push" ? beside.flatMap(({ limit, before }) => [limit, before]) : [];
  });
  const first = { ...start, gone: [], progress: ops.map(() => ({ count: 0 })), over: ops.map(() => 0).join("") };
  const seen = new Set();
  const left = [first];
  while (left.length > 0) {
    const s = left.pop();
    if (ops.every((op) => isCut(op) || s.over[op.number] === "1")) return s;
    const key = keyOf(s);
    if (seen.has(key)) continue;
    seen.add(key);
    const soonest = Math.min(...ops.filter(({ number }) => s.over[number] === "0").map(({ end }) => end));
    for (const op of ops) {
      if (s.over[op.number] === "1" || op.begin > soonest) continue;
      for (const [after, isOver] of STEPS[op.kind](s, op, q)) {
        left.push(
          isOver ? { ...after, over: after.over.slice(0, op.number) + "1" + after.over.slice(op.number + 1) } : after,
        );
      }
    }
  }
  throw new Violation(`no queue would have answered so: ${ops.map(textOf).join("; ")}`);
}

function textOf({ by, kind, ids, limit, result, end }) {
  const what = kind === "push" ? ` ${ids}` : kind === "limit" ? ` ${limit}` : "";
  if (end === Infinity) return `${by} ${kind}${what} (cut)`;
  const { why, old, ids: got, count } = Object(result);
  const said = [kind === "push" && `${count} in`, got && `got ${got}`, why, old, kind === "close" && result].filter(
    (x) => x !== undefined && x !== false,
  );
  return `${by} ${kind}${what}: ${said.join(" ")}`;
}

/** What happened to one ring. */
export class History {
  constructor(base = undefined) {
    this.clock = base?.clock ?? 0;
    this.ops = (base?.ops ?? []).map((op) => ({ ...op }));
    /** Bytes of each record by its number, and who has how many numbers. */
    this.sizes = new Map(base?.sizes);
    this.serials = new Map(base?.serials);
    /** Records in a thread's hand: { d, id, by, isDrop }. */
    this.leases = new Set(base?.leases);
    /** Who went to sleep for records, and what Q_ITEMS was then. */
    this.sleepers = [];
    this.queue = [...(base?.queue ?? [])];
    this.closed = base?.closed ?? false;
    this.limit = base?.limit ?? 0;
  }

  /** The next record of this thread: its number says whose it is. */
  next(by, bytes) {
    const serial = (this.serials.get(by) ?? 0) + 1;
    this.serials.set(by, serial);
    const id = (by.charCodeAt(0) - 96) * 100 + serial;
    this.sizes.set(id, bytes);
    return id;
  }

  begin(by, kind, more) {
    const op = { by, kind, begin: this.clock++, end: Infinity, result: undefined, ...more };
    this.ops.push(op);
    return op;
  }

  end(op, result) {
    op.result = result;
    op.end = this.clock++;
  }
}

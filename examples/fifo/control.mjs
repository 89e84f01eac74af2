// The words that main thread and workers share beside the region, and the only file of the example that knows Atomics. Each
// worker has a bell: a counter that others raise to wake it. Whoever waits, waits for its own bell, so that one wait covers
// every reason: a demand, an answer, an opened gate.

/** What the main thread opens, one after the other. */
export const Gate = { Start: 1, Cleanup: 2 };

const LINE = 16; // words of a cache line: no two workers write to the same one
const GLOBAL = {
  gate: 1,
  arrived: LINE,
  meeting: LINE + 1,
  over: LINE + 2,
  quiet: 2 * LINE,
};
const GLOBAL_WORDS = 3 * LINE;
const OWN = { bell: 0, holds: 1, oldest: 2 };
const NOBODY = 0;

/** A wait is over when the bell rings; this only bounds how long a lost thread could hold the others up. */
const WAIT_MS = 1000;

export class Control {
  shared;
  workers;
  #words;

  constructor(workers, shared = new SharedArrayBuffer(4 * Control.#wordsFor(workers))) {
    this.shared = shared;
    this.workers = workers;
    this.#words = new Int32Array(shared);
  }

  static #wordsFor(workers) {
    return GLOBAL_WORDS + workers * LINE + 2 * workers * workers;
  }

  // Bells.

  #own(worker, word) {
    return GLOBAL_WORDS + worker * LINE + OWN[word];
  }

  bell(worker) {
    return Atomics.load(this.#words, this.#own(worker, "bell"));
  }

  ring(worker) {
    Atomics.add(this.#words, this.#own(worker, "bell"), 1);
    Atomics.notify(this.#words, this.#own(worker, "bell"));
  }

  ringAll() {
    for (let worker = 0; worker < this.workers; worker++) this.ring(worker);
  }

  /** Returns when the worker's bell no longer stands at `seen`. */
  waitForBell(worker, seen) {
    Atomics.wait(this.#words, this.#own(worker, "bell"), seen, WAIT_MS);
  }

  // Gates, the main thread's.

  isOpen(gate) {
    return Atomics.load(this.#words, GLOBAL.gate) >= gate;
  }

  open(gate) {
    Atomics.store(this.#words, GLOBAL.gate, gate);
    this.ringAll();
  }

  // Demands: how many bytes one worker asks another to give back. 0 = none, or answered.

  #demand(from, to) {
    return GLOBAL_WORDS + this.workers * LINE + 2 * (to * this.workers + from);
  }

  demandOf(from, to) {
    return Atomics.load(this.#words, this.#demand(from, to)) >>> 0;
  }

  demand(from, to, bytes) {
    Atomics.store(this.#words, this.#demand(from, to), bytes);
    this.ring(to);
  }

  answer(from, to, releasedBytes) {
    Atomics.store(this.#words, this.#demand(from, to) + 1, releasedBytes);
    Atomics.store(this.#words, this.#demand(from, to), 0);
    this.ring(from);
  }

  answerOf(from, to) {
    return Atomics.load(this.#words, this.#demand(from, to) + 1) >>> 0;
  }

  // The oldest object of each worker: a hint, for it may be gone by the time another reads it.

  setOldest(worker, age) {
    Atomics.store(this.#words, this.#own(worker, "oldest"), age ?? 0);
    Atomics.store(this.#words, this.#own(worker, "holds"), age === undefined ? 0 : 1);
  }

  /** Ages wrap around at 32 bits: only the difference of two says which is older. */
  oldestOf(worker) {
    if (Atomics.load(this.#words, this.#own(worker, "holds")) === 0) return undefined;
    return Atomics.load(this.#words, this.#own(worker, "oldest"));
  }

  // Quiet: a worker that got nowhere asks the others to start no request until it is served.

  isQuietFor(worker) {
    return Atomics.load(this.#words, GLOBAL.quiet) === worker + 1;
  }

  isQuietForAnother(worker) {
    const holder = Atomics.load(this.#words, GLOBAL.quiet);
    return holder !== NOBODY && holder !== worker + 1;
  }

  takeQuiet(worker) {
    const holder = Atomics.compareExchange(this.#words, GLOBAL.quiet, NOBODY, worker + 1);
    if (holder === NOBODY) this.ringAll();
    return holder === NOBODY || holder === worker + 1;
  }

  endQuiet() {
    Atomics.store(this.#words, GLOBAL.quiet, NOBODY);
    this.ringAll();
  }

  // Meetings of all workers, where nothing is in flight.

  get meeting() {
    return Atomics.load(this.#words, GLOBAL.meeting);
  }

  /** True for the last one to arrive. */
  arrive() {
    return Atomics.add(this.#words, GLOBAL.arrived, 1) + 1 === this.workers;
  }

  /** Ends a meeting: everybody goes on, or the replay is over. */
  dismiss(isOver) {
    Atomics.store(this.#words, GLOBAL.arrived, 0);
    Atomics.store(this.#words, GLOBAL.over, isOver ? 1 : 0);
    Atomics.add(this.#words, GLOBAL.meeting, 1);
    this.ringAll();
  }

  get isOver() {
    return Atomics.load(this.#words, GLOBAL.over) !== 0;
  }
}

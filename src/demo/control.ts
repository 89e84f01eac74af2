// The words that main thread and workers share beside the region, and the only file of the demo that knows Atomics. Each
// worker has a bell: a counter that others raise to wake it. Whoever waits, waits for its own bell, so that one wait covers
// every reason: a demand, an answer, an opened gate, a stop.

/** What the main thread opens, one after the other. */
export const Gate = { Start: 1, Cleanup: 2 } as const;

const LINE = 16; // words of a cache line: no two workers write to the same one
const GLOBAL = {
  stop: 0,
  gate: 1,
  arrived: LINE,
  meeting: LINE + 1,
  over: LINE + 2,
  mistakes: LINE + 3,
  quiet: 2 * LINE,
};
const GLOBAL_WORDS = 3 * LINE;
const OWN = { bell: 0, holds: 1, oldest: 2 };
const NOBODY = 0;

/** A wait is over when the bell rings; this only bounds how long a lost thread could hold the others up. */
const WAIT_MS = 1000;

export class Control {
  readonly shared: SharedArrayBuffer;
  readonly workers: number;
  readonly #words: Int32Array;

  constructor(workers: number, shared = new SharedArrayBuffer(4 * Control.#wordsFor(workers))) {
    this.shared = shared;
    this.workers = workers;
    this.#words = new Int32Array(shared);
  }

  static #wordsFor(workers: number): number {
    return GLOBAL_WORDS + workers * LINE + 2 * workers * workers;
  }

  // Bells.

  #own(worker: number, word: keyof typeof OWN): number {
    return GLOBAL_WORDS + worker * LINE + OWN[word];
  }

  bell(worker: number): number {
    return Atomics.load(this.#words, this.#own(worker, "bell"));
  }

  ring(worker: number): void {
    Atomics.add(this.#words, this.#own(worker, "bell"), 1);
    Atomics.notify(this.#words, this.#own(worker, "bell"));
  }

  ringAll(): void {
    for (let worker = 0; worker < this.workers; worker++) this.ring(worker);
  }

  /** Returns when the worker's bell no longer stands at `seen`. */
  waitForBell(worker: number, seen: number): void {
    Atomics.wait(this.#words, this.#own(worker, "bell"), seen, WAIT_MS);
  }

  // Stop and gates, both the main thread's.

  get stopped(): boolean {
    return Atomics.load(this.#words, GLOBAL.stop) !== 0;
  }

  stop(): void {
    Atomics.store(this.#words, GLOBAL.stop, 1);
    this.ringAll();
  }

  isOpen(gate: number): boolean {
    return Atomics.load(this.#words, GLOBAL.gate) >= gate;
  }

  open(gate: number): void {
    Atomics.store(this.#words, GLOBAL.gate, gate);
    this.ringAll();
  }

  // Demands: how many bytes one worker asks another to give back. 0 = none, or answered.

  #demand(from: number, to: number): number {
    return GLOBAL_WORDS + this.workers * LINE + 2 * (to * this.workers + from);
  }

  demandOf(from: number, to: number): number {
    return Atomics.load(this.#words, this.#demand(from, to)) >>> 0;
  }

  demand(from: number, to: number, bytes: number): void {
    Atomics.store(this.#words, this.#demand(from, to), bytes);
    this.ring(to);
  }

  answer(from: number, to: number, releasedBytes: number): void {
    Atomics.store(this.#words, this.#demand(from, to) + 1, releasedBytes);
    Atomics.store(this.#words, this.#demand(from, to), 0);
    this.ring(from);
  }

  answerOf(from: number, to: number): number {
    return Atomics.load(this.#words, this.#demand(from, to) + 1) >>> 0;
  }

  // The oldest object of each worker: a hint, for it may be gone by the time another reads it.

  setOldest(worker: number, age: number | undefined): void {
    Atomics.store(this.#words, this.#own(worker, "oldest"), age ?? 0);
    Atomics.store(this.#words, this.#own(worker, "holds"), age === undefined ? 0 : 1);
  }

  /** Ages wrap around at 32 bits: only the difference of two says which is older. */
  oldestOf(worker: number): number | undefined {
    if (Atomics.load(this.#words, this.#own(worker, "holds")) === 0) return undefined;
    return Atomics.load(this.#words, this.#own(worker, "oldest"));
  }

  // Quiet: a worker that got nowhere asks the others to start no request until it is served.

  isQuietFor(worker: number): boolean {
    return Atomics.load(this.#words, GLOBAL.quiet) === worker + 1;
  }

  isQuietForAnother(worker: number): boolean {
    const holder = Atomics.load(this.#words, GLOBAL.quiet);
    return holder !== NOBODY && holder !== worker + 1;
  }

  takeQuiet(worker: number): boolean {
    const holder = Atomics.compareExchange(this.#words, GLOBAL.quiet, NOBODY, worker + 1);
    if (holder === NOBODY) this.ringAll();
    return holder === NOBODY || holder === worker + 1;
  }

  endQuiet(): void {
    Atomics.store(this.#words, GLOBAL.quiet, NOBODY);
    this.ringAll();
  }

  // Meetings of all workers, where nothing is in flight.

  get meeting(): number {
    return Atomics.load(this.#words, GLOBAL.meeting);
  }

  /** True for the last one to arrive. */
  arrive(): boolean {
    return Atomics.add(this.#words, GLOBAL.arrived, 1) + 1 === this.workers;
  }

  /** Ends a meeting: everybody goes on, or the replay is over. */
  dismiss(isOver: boolean): void {
    Atomics.store(this.#words, GLOBAL.arrived, 0);
    Atomics.store(this.#words, GLOBAL.over, isOver ? 1 : 0);
    Atomics.add(this.#words, GLOBAL.meeting, 1);
    this.ringAll();
  }

  get isOver(): boolean {
    return Atomics.load(this.#words, GLOBAL.over) !== 0;
  }

  // What was wrong at a meeting.

  get mistakes(): number {
    return Atomics.load(this.#words, GLOBAL.mistakes);
  }

  addMistake(): void {
    Atomics.add(this.#words, GLOBAL.mistakes, 1);
  }
}

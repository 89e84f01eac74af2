// The words that main thread and workers share beside the region, and the only file of the demo that knows Atomics. There is
// one bell: a counter that is raised whenever something has changed that somebody may wait for.

/** What the main thread opens, one after the other. */
export const Gate = { Start: 1, Cleanup: 2 } as const;

const LINE = 16; // words of a cache line: what all write to often has one of its own
const WORD = {
  bell: 0,
  stop: 1,
  gate: 2,
  meeting: 3,
  over: 4,
  mistakes: 5,
  base: 6,
  arrived: LINE,
  cursor: 2 * LINE,
};
const WORDS = 3 * LINE;

/** A wait is over when the bell rings; this only bounds how long a lost thread could hold the others up. */
const WAIT_MS = 1000;

export class Control {
  readonly shared: SharedArrayBuffer;
  readonly workers: number;
  readonly #words: Int32Array;

  constructor(workers: number, shared = new SharedArrayBuffer(4 * WORDS)) {
    this.shared = shared;
    this.workers = workers;
    this.#words = new Int32Array(shared);
  }

  #get(word: keyof typeof WORD): number {
    return Atomics.load(this.#words, WORD[word]);
  }

  #set(word: keyof typeof WORD, value: number): void {
    Atomics.store(this.#words, WORD[word], value);
  }

  #ring(): void {
    Atomics.add(this.#words, WORD.bell, 1);
    Atomics.notify(this.#words, WORD.bell);
  }

  /** Sleeps from bell to bell until `isDone`. */
  waitUntil(isDone: () => boolean): void {
    for (;;) {
      const seen = this.#get("bell");
      if (isDone()) return;
      Atomics.wait(this.#words, WORD.bell, seen, WAIT_MS);
    }
  }

  // Stop and gates, both the main thread's.

  get stopped(): boolean {
    return this.#get("stop") !== 0;
  }

  stop(): void {
    this.#set("stop", 1);
    this.#ring();
  }

  waitForGate(gate: number): void {
    this.waitUntil(() => this.#get("gate") >= gate);
  }

  open(gate: number): void {
    this.#set("gate", gate);
    this.#ring();
  }

  // The requests between two meetings, which go to whoever asks next.

  /** The first of `count` requests that nobody else has. */
  claim(count: number): number {
    return Atomics.add(this.#words, WORD.cursor, count);
  }

  // Meetings of all workers, where nothing is in flight.

  /** Waits until all workers are here. The last one runs `onAll`, which says whether the replay is over. */
  meet(onAll: () => boolean): void {
    const meeting = this.#get("meeting");
    if (Atomics.add(this.#words, WORD.arrived, 1) + 1 < this.workers)
      return this.waitUntil(() => this.#get("meeting") !== meeting);
    this.#set("over", onAll() ? 1 : 0);
    this.#set("arrived", 0);
    this.#set("cursor", 0);
    this.#set("meeting", meeting + 1);
    this.#ring();
  }

  get isOver(): boolean {
    return this.#get("over") !== 0;
  }

  // What the books must say, and how often they did not.

  /** Bytes of the region that are used and not the cache's. */
  get baseBytes(): number {
    return this.#get("base") >>> 0;
  }

  setBaseBytes(bytes: number): void {
    this.#set("base", bytes);
  }

  get mistakes(): number {
    return this.#get("mistakes");
  }

  addMistake(): void {
    Atomics.add(this.#words, WORD.mistakes, 1);
  }
}

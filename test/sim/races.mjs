// Races: the happens-before detector. Each thread has a vector clock; an atomic store hands its clock to the word, an atomic load
// takes the word's, a read-modify-write does both; beginning, ending and the notice of a death hand clocks over too. Two accesses to
// one word that no such chain orders, one of them a write and not both atomic, race.

import { ATOMIC, ATOMIC_LOAD, ATOMIC_STORE, WRITES } from "./instrument.mjs";
import { SHADOW, THREADS_MAX } from "./map.mjs";

const WORDS = SHADOW >>> 2;
const N = THREADS_MAX;

export class Races {
  /** `report(address, siteBefore, siteNow)` is told of each race; without `edges` nothing orders anything (the self-test). */
  constructor(sites, report, edges = true) {
    this.kinds = Uint8Array.from(sites, ({ kind }) => kind);
    this.words = Uint8Array.from(sites, ({ size }) => Math.max(1, size >>> 2));
    this.report = report;
    this.edges = edges;
    this.clocks = Array.from({ length: N }, () => new Int32Array(N));
    this.sync = new Int32Array(WORDS * N);
    this.writer = new Int8Array(WORDS).fill(-1);
    this.writeClock = new Int32Array(WORDS);
    this.writeSite = new Int16Array(WORDS);
    this.readClock = new Int32Array(WORDS * N);
    this.readSite = new Int16Array(WORDS * N);
    this.seen = new Uint8Array(WORDS);
    this.touched = [];
  }

  reset() {
    for (const w of this.touched) {
      this.seen[w] = 0;
      this.writer[w] = -1;
      for (let i = w * N; i < w * N + N; i++) {
        this.sync[i] = 0;
        this.readClock[i] = 0;
      }
    }
    this.touched.length = 0;
    // What was done before the threads began is ordered before all of them: their clocks start at 1, the words' at 0.
    for (let t = 0; t < N; t++) this.clocks[t].fill(0)[t] = 1;
  }

  /** Everything `from` did so far happens before what `to` does next. */
  join(to, from) {
    if (!this.edges) return;
    const a = this.clocks[to];
    const b = this.clocks[from];
    for (let i = 0; i < N; i++) if (b[i] > a[i]) a[i] = b[i];
    b[from]++;
  }

  access(t, site, address) {
    const first = address >>> 2;
    for (let w = first; w < first + this.words[site]; w++) this.#word(t, site, w);
  }

  range(t, site, w) {
    this.#word(t, site, w);
  }

  #word(t, site, w) {
    if (!this.seen[w]) {
      this.seen[w] = 1;
      this.touched.push(w);
    }
    const kind = this.kinds[site];
    const clock = this.clocks[t];
    if (this.edges && (kind === ATOMIC_LOAD || kind > ATOMIC_STORE) && ATOMIC[kind]) this.#acquire(clock, w * N);
    this.#compare(t, site, w, kind, clock);
    if (WRITES[kind]) {
      this.writer[w] = t;
      this.writeClock[w] = clock[t];
      this.writeSite[w] = site;
      if (ATOMIC[kind] && this.edges) this.#release(t, clock, w * N);
    } else {
      this.readClock[w * N + t] = clock[t];
      this.readSite[w * N + t] = site;
    }
  }

  #acquire(clock, at) {
    for (let i = 0; i < N; i++) if (this.sync[at + i] > clock[i]) clock[i] = this.sync[at + i];
  }

  #release(t, clock, at) {
    for (let i = 0; i < N; i++) this.sync[at + i] = clock[i];
    clock[t]++;
  }

  #compare(t, site, w, kind, clock) {
    const atomic = ATOMIC[kind];
    const writer = this.writer[w];
    if (writer >= 0 && writer !== t && this.writeClock[w] > clock[writer]) {
      if (!(atomic && ATOMIC[this.kinds[this.writeSite[w]]])) this.report(w << 2, this.writeSite[w], site);
    }
    if (!WRITES[kind]) return;
    for (let u = 0; u < N; u++) {
      const at = w * N + u;
      if (u === t || this.readClock[at] <= clock[u]) continue;
      if (!(atomic && ATOMIC[this.kinds[this.readSite[at]]])) this.report(w << 2, this.readSite[at], site);
    }
  }
}

// A thread of rings.test.ts and rings-waits.test.ts: does one job after the other, each on the ring that it names, and says what came of it.
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../../dist/node/index.js";
import { fill, isFirst, isWhole, randomBelow, WORDS_MAX } from "./rings-records.mjs";

const { handle, marks: shared, words: counters } = workerData;
const marks = new Int32Array(shared);
/** What all threads count together: records that were received, and who has opened the rings of its job, of so many. */
const together = new Int32Array(counters);
const [RECEIVED, OPENED, PARTY] = [0, 1, 2];
const region = await Region.attach(handle);
const { i32 } = region.heap;

const SLOW_MS = 90;
const BATCH = 8;
const UNRESERVED_MAX = 100;

/** The rings of a job, once everybody has opened theirs: a ring that has ended is gone, and its name would be a new one's. */
function open(...names) {
  const rings = names.map((name) => region.ring(name));
  Atomics.add(together, OPENED, 1);
  Atomics.notify(together, OPENED);
  const party = Atomics.load(together, PARTY);
  for (let now = Atomics.load(together, OPENED); now < party; now = Atomics.load(together, OPENED))
    Atomics.wait(together, OPENED, now);
  return rings;
}

function noteReceived() {
  Atomics.add(together, RECEIVED, 1);
  Atomics.notify(together, RECEIVED);
}

const JOBS = {
  /** Sends `count` records, in every way there is. */
  produce({ ring: name, source, count, seed, listens }) {
    const [ring] = open(name);
    const below = randomBelow(seed);
    const counts = { accepted: 0, refused: 0, handedOut: 0, torn: 0, doubled: 0, unreserved: 0 };
    const waits = ring.overflow === "block";
    const found = {};
    if (listens)
      ring.onDropped((record) => {
        counts.handedOut++;
        if (!isWhole(new Int32Array(record.buffer), 0, record.length, found)) counts.torn++;
        else if (!isFirst(marks, found.source * count + found.number)) counts.doubled++;
      });
    const own = Array.from({ length: BATCH }, () => new Int32Array(WORDS_MAX));
    const make = (number, place = 0) => new Uint8Array(own[place].buffer, 0, fill(own[place], 0, source, number));
    const note = (isIn) => void (isIn ? counts.accepted++ : counts.refused++);
    for (let next = 0; next < count;) {
      const way = below(16);
      if (way === 0) {
        const records = [];
        for (let i = 0; i < BATCH && next + i < count; i++) records.push(make(next + i, i));
        let done = ring.pushMany(records);
        counts.accepted += done;
        // The one for which there was no place is refused, as by push; or it waits.
        if (done < records.length) {
          note(waits && ring.sendSync(records[done]));
          done++;
        }
        next += done;
      } else if (way < 4) {
        const place = ring.reserve(4 * WORDS_MAX);
        // The heap may be busy: who has its lock is kept from a core.
        if (place === undefined) {
          if (++counts.unreserved > UNRESERVED_MAX) throw new Error("no memory for a record");
          continue;
        }
        const isIn = place.commit(fill(i32, place.offset >>> 2, source, next));
        note(isIn || (waits && ring.sendSync(make(next))));
        next++;
      } else {
        const record = make(next++);
        note(way < 12 ? ring.push(record) || (waits && ring.sendSync(record)) : ring.sendSync(record));
      }
    }
    ring.leave();
    return counts;
  },

  /** Receives in every way there is, until the ring has ended; looks at all words, at the order, and whether each comes once. */
  consume({ ring: name, count, seed }) {
    const [ring] = open(name);
    const below = randomBelow(seed);
    const counts = { popped: 0, torn: 0, doubled: 0, reordered: 0 };
    const last = new Int32Array(8).fill(-1);
    const target = new Int32Array(WORDS_MAX);
    const bytes = new Uint8Array(target.buffer);
    const found = {};
    const look = (words, at, length) => {
      counts.popped++;
      if (!isWhole(words, at, length, found)) return void counts.torn++;
      if (found.number <= last[found.source]) counts.reordered++;
      last[found.source] = found.number;
      if (!isFirst(marks, found.source * count + found.number)) counts.doubled++;
    };
    const lookAtOwn = (record) => look(new Int32Array(record.buffer), 0, record.length);
    while (true) {
      const way = below(16);
      if (way < 8) {
        const length = ring.popInto(bytes);
        if (length >= 0) {
          look(target, 0, length);
          continue;
        }
      } else if (way < 12) {
        const record = ring.take();
        if (record !== undefined) {
          look(i32, record.offset >>> 2, record.size);
          record.release();
          continue;
        }
      } else if (way < 13) {
        const records = ring.drain(BATCH);
        records.forEach(lookAtOwn);
        if (records.length > 0) continue;
      }
      const record = ring.receiveSync();
      if (record === undefined) return counts;
      lookAtOwn(record);
    }
  },

  /** Sends until it has sent `count`, or the ring is closed under it. */
  async send({ ring: name, source, count, sleeps }) {
    const [ring] = open(name);
    const counts = { sent: 0, waits: 0, slow: 0 };
    const words = new Int32Array(2);
    const record = new Uint8Array(words.buffer);
    words[0] = source;
    try {
      for (; counts.sent < count; counts.sent++) {
        words[1] = counts.sent;
        const began = performance.now();
        if (sleeps) ring.sendSync(record);
        else await ring.send(record);
        noteWait(counts, began);
      }
    } catch (error) {
      if (error.code !== "ERR_RING_CLOSED") throw error;
    }
    ring.leave();
    return counts;
  },

  /** Receives until the ring has ended. */
  async receive({ ring: name, sleeps }) {
    const [ring] = open(name);
    const counts = { got: 0, reordered: 0, waits: 0, slow: 0 };
    const last = new Int32Array(8).fill(-1);
    while (true) {
      const began = performance.now();
      const record = sleeps ? ring.receiveSync() : await ring.receive();
      if (record === undefined) break;
      noteWait(counts, began);
      const [source, number] = new Int32Array(record.buffer);
      if (number <= last[source]) counts.reordered++;
      last[source] = number;
      counts.got++;
      noteReceived();
    }
    ring.leave();
    return counts;
  },

  /** Sends a number and waits until it comes back on the other ring; so often, or until either is closed. */
  ping({ ring: there, back, count }) {
    const [out, into] = open(there, back);
    const counts = { got: 0, wrong: 0, waits: 0, slow: 0 };
    const words = new Int32Array(1);
    try {
      for (; counts.got < count; counts.got++) {
        words[0] = counts.got;
        const began = performance.now();
        out.sendSync(new Uint8Array(words.buffer));
        const record = into.receiveSync();
        if (record === undefined) break;
        noteWait(counts, began);
        if (new Int32Array(record.buffer)[0] !== counts.got) counts.wrong++;
        noteReceived();
      }
    } catch (error) {
      if (error.code !== "ERR_RING_CLOSED") throw error;
    }
    out.close();
    out.leave();
    into.leave();
    return counts;
  },

  /** Sends back what comes, until either ring has ended. */
  pong({ ring: there, back }) {
    const [into, out] = open(there, back);
    const counts = { got: 0, waits: 0, slow: 0 };
    try {
      for (let record = into.receiveSync(); record !== undefined; record = into.receiveSync()) {
        out.sendSync(record);
        counts.got++;
      }
    } catch (error) {
      if (error.code !== "ERR_RING_CLOSED") throw error;
    }
    out.close();
    into.leave();
    out.leave();
    return counts;
  },
};

/** A wait of a whole slice: its wake-up was late, or lost. */
function noteWait(counts, began) {
  counts.waits++;
  if (performance.now() - began > SLOW_MS) counts.slow++;
}

parentPort.on("message", async (job) => {
  if (job === "end") {
    region.close();
    parentPort.close();
    return;
  }
  parentPort.postMessage(await JOBS[job.role](job));
});
// What a thread needs for any ring it keeps.
region.ring("before").close();
parentPort.postMessage("attached");

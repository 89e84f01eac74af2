// A short proof that a queue is one: records of all lengths come out as they went in, in their order, none twice, through many rounds of its
// buffer, and a full one says so.
import assert from "node:assert/strict";
import { makeRandom } from "../lib/rng.mjs";

const BYTES = 100;
const RECORDS = 16;
const ROUNDS = 3000;

export function verify(name, create) {
  const queue = create({ bytes: BYTES, records: RECORDS });
  const random = makeRandom(0x71e);
  const target = new Uint8Array(BYTES);
  const queued = [];
  let wasFull = false;
  for (let round = 0; round < ROUNDS; round++) {
    if (random() < 0.55) {
      const record = Uint8Array.from({ length: 1 + Math.floor(random() * BYTES) }, () => random() * 256);
      if (queue.receive) record.fill(round);
      const isIn = queued.length < 4 * RECORDS && queue.push(record);
      wasFull ||= !isIn;
      if (isIn) queued.push(record);
    } else {
      const found = queue.receive ? queue.receive() : popped(queue, target);
      assert.deepEqual(found && tail(found, queued[0]), queued.shift(), `${name}: round ${round}`);
    }
  }
  assert.ok(wasFull, `${name}: it was never full`);
  queue.close?.();
}

function popped(queue, target) {
  const bytes = queue.popInto(target);
  return bytes < 0 ? undefined : target.slice(0, bytes);
}

// A transferred buffer is longer than the record in it.
const tail = (found, record) => (record ? found.slice(0, record.length) : found);

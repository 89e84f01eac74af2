// ringbuf.js: one producer, one consumer, elements without a length. Records get one, as in any program that sends records through it: the
// length stands before the bytes, in one push; two pops take it out.
import { sameCopy } from "../lib/separate.mjs";

const { RingBuffer } = await sameCopy(import.meta.resolve("ringbuf.js"), import.meta.url);

const LENGTH_BYTES = 4;

export function create({ bytes, records }) {
  return attach({ storage: RingBuffer.getStorageForCapacity(records * (LENGTH_BYTES + bytes), Uint8Array), bytes });
}

export function attach({ storage, bytes }) {
  const ring = new RingBuffer(storage, Uint8Array);
  const out = new Uint8Array(new ArrayBuffer(LENGTH_BYTES + bytes));
  const outLength = new Uint32Array(out.buffer, 0, 1);
  const head = new Uint8Array(LENGTH_BYTES);
  const headLength = new Uint32Array(head.buffer);
  return {
    shared: { storage, bytes },
    push(record) {
      const whole = LENGTH_BYTES + record.length;
      if (ring.availableWrite() < whole) return false;
      outLength[0] = record.length;
      out.set(record, LENGTH_BYTES);
      return ring.push(out, whole) === whole;
    },
    popInto(target) {
      if (ring.pop(head, LENGTH_BYTES) !== LENGTH_BYTES) return -1;
      return ring.pop(target, headLength[0]);
    },
  };
}

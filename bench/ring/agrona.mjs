// Agrona's ManyToOneRingBuffer in JavaScript over Atomics: many producers, one consumer. A record is a header (length, type) and its bytes, in one
// contiguous piece: a claimed one has a negative length until it is committed, a piece of padding closes the end of the buffer, and the consumer
// zeroes what it has read. Who dies between claim and commit stalls the consumer (their `unblock` is for whoever knows that).
//
// Positions are 32-bit and wrap; differences of two are right below 2 GiB.
const TAIL = 0;
const HEAD_CACHE = 32;
const HEAD = 64;
const DATA_WORDS = 96;
const HEADER = 8;
const ALIGN = 8;
const MESSAGE = 1;
const PADDING = -1;

export function create({ bytes, records }) {
  const needed = records * ((HEADER + bytes + ALIGN - 1) & -ALIGN);
  // A message may take an eighth of the buffer.
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(needed, 8 * (bytes + HEADER))));
  return attach({ storage: new SharedArrayBuffer(4 * DATA_WORDS + capacity) });
}

export function attach({ storage }) {
  const i32 = new Int32Array(storage);
  const u8 = new Uint8Array(storage, 4 * DATA_WORDS);
  const capacity = u8.length;
  const mask = capacity - 1;
  const wordAt = (index) => DATA_WORDS + (index >> 2);

  // → where the record's header is to be, or -1.
  const claimRoom = (required) => {
    let head = Atomics.load(i32, HEAD_CACHE);
    while (true) {
      const tail = Atomics.load(i32, TAIL);
      if (required > capacity - ((tail - head) | 0)) {
        head = Atomics.load(i32, HEAD);
        if (required > capacity - ((tail - head) | 0)) return -1;
        Atomics.store(i32, HEAD_CACHE, head);
      }
      let padding = 0;
      const index = tail & mask;
      const toEnd = capacity - index;
      if (required > toEnd) {
        if (required > (head & mask)) {
          head = Atomics.load(i32, HEAD);
          if (required > (head & mask)) return -1;
          Atomics.store(i32, HEAD_CACHE, head);
        }
        padding = toEnd;
      }
      if (Atomics.compareExchange(i32, TAIL, tail, (tail + required + padding) | 0) !== tail) continue;
      if (padding === 0) return index;
      i32[wordAt(index) + 1] = PADDING;
      Atomics.store(i32, wordAt(index), padding);
      return 0;
    }
  };
  // The consumer's side: what `read` is called with lies at `offset` in `u8`.
  const readOne = (read, target) => {
    const head = Atomics.load(i32, HEAD);
    const index = head & mask;
    const length = Atomics.load(i32, wordAt(index));
    if (length <= 0) return -1;
    const whole = (length + ALIGN - 1) & -ALIGN;
    const isPadding = i32[wordAt(index) + 1] === PADDING;
    const answer = isPadding ? -1 : read(index + HEADER, length - HEADER, target);
    u8.fill(0, index, index + (isPadding ? HEADER : whole));
    Atomics.store(i32, HEAD, (head + whole) | 0);
    return isPadding ? readOne(read, target) : answer;
  };
  const copyOut = (offset, bytes, target) => {
    target.set(u8.subarray(offset, offset + bytes));
    return bytes;
  };

  return {
    shared: { storage },
    words: i32,
    wordAt,
    // → the offset of a place of `bytes` bytes, to be committed; -1: there is none.
    tryClaim(bytes) {
      const index = claimRoom((HEADER + bytes + ALIGN - 1) & -ALIGN);
      if (index < 0) return -1;
      Atomics.store(i32, wordAt(index), -(HEADER + bytes));
      i32[wordAt(index) + 1] = MESSAGE;
      return index + HEADER;
    },
    commit(offset) {
      const at = wordAt(offset - HEADER);
      Atomics.store(i32, at, -i32[at]);
    },
    push(record) {
      const offset = this.tryClaim(record.length);
      if (offset < 0) return false;
      u8.set(record, offset);
      this.commit(offset);
      return true;
    },
    popInto: (target) => readOne(copyOut, target),
    read: (each) => readOne(each, undefined),
  };
}

// The timed loops of the heap suite. Each takes an allocator and its tables and gives { step, run, stop, refused }:
// `run(operations)` goes on where it stopped, one operation being one allocate and one free; `stop` gives every block back.
// This module is evaluated once per subject (lib/separate.mjs), so that every call site below sees one allocator only.

const none = 0;

// A block is a number wherever there is a region, an object where there is none.
const shelf = (allocator, length) => (allocator.bytes ? new Uint32Array(length) : Array.from({ length }, () => none));

const giveBack = (allocator, blocks) => {
  for (const block of blocks) if (block !== none) allocator.free(block);
};

export function pair(allocator) {
  return pairOf(allocator.alloc, allocator.free);
}

export function pairZeroed(allocator) {
  return pairOf(allocator.allocZeroed, allocator.free);
}

function pairOf(alloc, free) {
  let refused = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      const block = alloc(64);
      if (block === none) refused++;
      else free(block);
    }
  };
  return { run, stop() {}, refused: () => refused };
}

// 1000 blocks of 64 B, then all of them given back in the order of the table.
export function batch(allocator, { order }) {
  const { alloc, free } = allocator;
  const { length } = order;
  const blocks = shelf(allocator, length);
  let refused = 0;
  const run = (operations) => {
    for (let done = 0; done < operations; done += length) {
      for (let i = 0; i < length; i++) blocks[i] = alloc(64);
      for (let i = 0; i < length; i++) {
        const block = blocks[order[i]];
        if (block === none) refused++;
        else free(block);
      }
    }
  };
  return { step: length, run, stop() {}, refused: () => refused };
}

// A block at random makes room for one of another size.
export function replace(allocator, { slots, sizes, live }) {
  const { alloc, free } = allocator;
  const blocks = shelf(allocator, live);
  let slotAt = 0;
  let sizeAt = 0;
  let refused = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      const slot = slots[slotAt];
      const old = blocks[slot];
      if (old !== none) free(old);
      const block = alloc(sizes[sizeAt]);
      blocks[slot] = block;
      if (block === none) refused++;
      slotAt = slotAt + 1 === slots.length ? 0 : slotAt + 1;
      sizeAt = sizeAt + 1 === sizes.length ? 0 : sizeAt + 1;
    }
  };
  for (let i = 0; i < live; i++) blocks[i] = alloc(sizes[i]);
  return { run, stop: () => giveBack(allocator, blocks), refused: () => refused };
}

// The same with the first and the last byte of every new block written, as a server's threads do in Larson's benchmark.
export function larson(allocator, { slots, sizes, live }) {
  const { alloc, free, bytes } = allocator;
  const touch = bytes
    ? (block, size) => {
        bytes[block] = 1;
        bytes[block + size - 1] = 2;
      }
    : (block, size) => {
        block[0] = 1;
        block[size - 1] = 2;
      };
  const blocks = shelf(allocator, live);
  let slotAt = 0;
  let sizeAt = 0;
  let refused = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      const slot = slots[slotAt];
      const old = blocks[slot];
      if (old !== none) free(old);
      const size = sizes[sizeAt];
      const block = alloc(size);
      blocks[slot] = block;
      if (block === none) refused++;
      else touch(block, size);
      slotAt = slotAt + 1 === slots.length ? 0 : slotAt + 1;
      sizeAt = sizeAt + 1 === sizes.length ? 0 : sizeAt + 1;
    }
  };
  for (let i = 0; i < live; i++) blocks[i] = alloc(sizes[i]);
  return { run, stop: () => giveBack(allocator, blocks), refused: () => refused };
}

// Rounds of three phases: grow by 1000 written blocks; swap half of them with a shelf of blocks from earlier rounds; give back
// what is then in hand, out of order. Lifetimes mix, and blocks of all ages lie side by side.
export function stress(allocator, { slots, sizes, order }) {
  const { alloc, free, bytes } = allocator;
  const write = bytes
    ? (block, size) => {
        for (let at = 0; at < size; at += 16) bytes[block + at] = at;
      }
    : (block, size) => {
        for (let at = 0; at < size; at += 16) block[at] = at;
      };
  const { length } = order;
  const blocks = shelf(allocator, length);
  const older = shelf(allocator, length);
  let slotAt = 0;
  let sizeAt = 0;
  let refused = 0;
  const grow = () => {
    for (let i = 0; i < length; i++) {
      const size = sizes[sizeAt];
      const block = alloc(size);
      blocks[i] = block;
      if (block === none) refused++;
      else write(block, size);
      sizeAt = sizeAt + 1 === sizes.length ? 0 : sizeAt + 1;
    }
  };
  const transfer = () => {
    for (let i = 0; i < length; i += 2) {
      const slot = slots[slotAt];
      const block = older[slot];
      older[slot] = blocks[i];
      blocks[i] = block;
      slotAt = slotAt + 1 === slots.length ? 0 : slotAt + 1;
    }
  };
  const shrink = () => {
    for (let i = 0; i < length; i++) {
      const block = blocks[order[i]];
      if (block !== none) free(block);
    }
  };
  const run = (operations) => {
    for (let done = 0; done < operations; done += length) {
      grow();
      transfer();
      shrink();
    }
  };
  return { step: length, run, stop: () => giveBack(allocator, older), refused: () => refused };
}

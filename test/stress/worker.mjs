// One thread of threads.test.ts: random operations on a region it shares with others, until it is told to stop.
//
// Blocks change hands through an exchange table in shared memory: a thread swaps an offset of its own into a random place and owns
// what stood there. A message is a raw block that says what it is and carries a pattern to verify: its length, its seed, and for a
// Block's envelope the Block's handle.
import { parentPort, workerData } from "node:worker_threads";
import { Region } from "../../dist/node/index.js";

const { handle, table, stop, seed, most } = workerData;
const places = new Int32Array(table);
const stopped = new Int32Array(stop);
const region = await Region.attach(handle);
const { heap } = region;

const HEADER_WORDS = 8;
const RAW = 0x52415721;
const ENVELOPE = 0x424c4f43;

let state = seed >>> 0;
const below = (limit) => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), state | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) % limit;
};
const size = () => {
  const kind = below(20);
  return kind === 0 ? 1 + below(most) : kind < 4 ? 1 + below(8192) : 32 + below(500);
};

const counts = { operations: 0, refused: 0, busy: 0, handedOver: 0, freedForOthers: 0 };

function fail(what) {
  throw new Error(`${what}; worker seed ${seed}, operation ${counts.operations}`);
}

const valueOf = (blockSeed, index) => (Math.imul(blockSeed, 2_654_435_761) + Math.imul(index, 40_503)) | 0;

/** Writes the pattern into words [from, words) of the block at `offset`. */
function fill(offset, from, words, blockSeed) {
  const base = offset >>> 2;
  for (let i = from; i < words; i++) heap.i32[base + i] = valueOf(blockSeed, i);
}

function verify(offset, from, words, blockSeed, what) {
  const base = offset >>> 2;
  for (let i = from; i < words; i++) {
    if (heap.i32[base + i] !== valueOf(blockSeed, i)) fail(`${what} at ${offset}: word ${i} of ${words} was changed`);
  }
}

function refused() {
  if (heap.lastFailure === "ERR_BUSY") counts.busy++;
  else counts.refused++;
}

/** A raw message of at least `bytes` bytes; 0 when it does not fit. */
function makeRaw(bytes) {
  const wanted = Math.max(bytes, HEADER_WORDS * 4);
  const zeroed = below(2) === 0;
  const offset = zeroed ? heap.alloc(wanted) : heap.allocUnsafe(wanted);
  if (offset === 0) {
    refused();
    return 0;
  }
  const words = wanted >>> 2;
  const base = offset >>> 2;
  if (zeroed)
    for (let i = 0; i < words; i++) if (heap.i32[base + i] !== 0) fail(`alloc at ${offset} is not zero at word ${i}`);
  const blockSeed = below(0x7fffffff);
  heap.i32[base] = RAW;
  heap.i32[base + 1] = words;
  heap.i32[base + 2] = blockSeed;
  fill(offset, 3, words, blockSeed);
  return offset;
}

/** A Block and the raw envelope that names it. */
function makeEnvelope(bytes) {
  let block;
  try {
    block = region.allocate(bytes);
  } catch (error) {
    if (error.code === "ERR_REGION_BUSY") counts.busy++;
    else if (error.code === "ERR_MEMORY_LIMIT") counts.refused++;
    else throw error;
    return 0;
  }
  const content = block.bytes;
  for (let i = 0; i < content.length; i += 61) if (content[i] !== 0) fail(`allocate at ${block.offset} is not zero`);
  const envelope = heap.allocUnsafe(HEADER_WORDS * 4);
  if (envelope === 0) {
    refused();
    if (!block.release()) fail("a Block of our own was not released");
    return 0;
  }
  const blockSeed = below(0x7fffffff);
  const { offset, claim } = block.handle();
  fill(offset, 0, bytes >>> 2, blockSeed);
  heap.i32.set([ENVELOPE, 8, blockSeed, offset, bytes, claim[0], claim[1]], envelope >>> 2);
  return envelope;
}

/** Verifies a message, whoever made it, and gives its memory back. */
function consume(offset) {
  const base = offset >>> 2;
  const [kind, words, blockSeed] = [heap.i32[base], heap.i32[base + 1], heap.i32[base + 2]];
  if (kind === RAW) verify(offset, 3, words, blockSeed, "a raw block");
  else if (kind === ENVELOPE) {
    const block = region.open({
      offset: heap.i32[base + 3],
      size: heap.i32[base + 4],
      claim: [heap.i32[base + 5], heap.i32[base + 6]],
    });
    verify(block.offset, 0, block.size >>> 2, blockSeed, "a Block");
    if (!block.release()) fail("a live Block was not released");
    if (block.release()) fail("a Block was released twice");
  } else fail(`the block at ${offset} is no message: ${kind}`);
  if (!heap.free(offset)) fail(`the live block at ${offset} was not freed`);
}

const own = [];

function step() {
  counts.operations++;
  const kind = below(16);
  if (kind < 5) {
    const offset = kind === 0 ? makeEnvelope(4 + size()) : makeRaw(size());
    if (offset !== 0) own.push(offset);
    else if (own.length > 0) consume(own.pop());
  } else if (kind < 9) {
    if (own.length === 0) return;
    const i = below(own.length);
    const offset = own[i];
    own[i] = own[own.length - 1];
    own.pop();
    const received = Atomics.exchange(places, below(places.length), offset);
    counts.handedOver++;
    if (received !== 0) {
      counts.freedForOthers++;
      consume(received);
    }
  } else if (kind < 14) {
    if (own.length > 0) consume(own.splice(below(own.length), 1)[0]);
  } else if (kind === 14) resize();
  else if (heap.free(below(region.capacityBytes) | 1)) fail("an odd offset was freed");
}

/** Makes a raw message of our own shorter or longer. */
function resize() {
  if (own.length === 0) return;
  const i = below(own.length);
  const offset = own[i];
  const base = offset >>> 2;
  if (heap.i32[base] !== RAW) return;
  const [words, blockSeed] = [heap.i32[base + 1], heap.i32[base + 2]];
  const wanted = Math.max(size(), HEADER_WORDS * 4);
  const moved = heap.realloc(offset, wanted);
  if (moved === 0) {
    refused();
    verify(offset, 3, words, blockSeed, "a block that realloc refused");
    return;
  }
  const now = wanted >>> 2;
  own[i] = moved;
  verify(moved, 3, Math.min(words, now), blockSeed, "a reallocated block");
  heap.i32[(moved >>> 2) + 1] = now;
  fill(moved, 3, now, blockSeed);
}

parentPort.once("message", () => {
  // All threads have stopped: whatever still stands in the table is somebody's to give back, and this thread takes its turn.
  for (let i = 0; i < places.length; i++) {
    const offset = Atomics.exchange(places, i, 0);
    if (offset !== 0) consume(offset);
  }
  for (const offset of own.splice(0)) consume(offset);
  parentPort.postMessage("drained");
  parentPort.once("message", () => {
    region.close();
    parentPort.postMessage("closed");
    parentPort.close();
  });
});

while (Atomics.load(stopped, 0) === 0) for (let i = 0; i < 200; i++) step();
parentPort.postMessage({ ...counts, live: own.length });

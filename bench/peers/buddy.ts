// A pure power-of-two buddy: what a page layer without exact runs would be. Blocks of 16 B, 32 B, … up to the whole region.
//
// The region is a binary tree whose node 1 is all of it and whose nodes 2n and 2n + 1 are the halves of n. Two bits per inner
// node stand out of line, at the region's start: SPLIT (its halves are dealt out separately) and PAIR (exactly one half is
// free). Free blocks of an order form a doubly linked list through themselves; `available` has a bit per non-empty list.

const MIN_SHIFT: u32 = 4;
const HEADS: usize = 16;
const SPLIT_BITS: usize = 256;

let top: u32 = 0;
let pairBits: usize = 0;
let available: u32 = 0;

// `regionBytes` is a power of two. What the two bit maps need is taken from the region and never dealt out.
export function init(regionBytes: usize): void {
  top = ctz<u32>(<u32>regionBytes) - MIN_SHIFT;
  const mapBytes: usize = ((<usize>1) << top) >> 3;
  pairBits = SPLIT_BITS + mapBytes;
  const firstFree = pairBits + mapBytes;
  memory.fill(0, 0, firstFree);
  let block = firstFree;
  while (block < regionBytes) block += seed(block);
}

export function alloc(bytes: u32): usize {
  const order = orderOf(bytes);
  const candidates = order <= top ? available & (~0 << order) : 0;
  if (candidates == 0) return 0;
  let at = ctz<u32>(candidates);
  const block = loadHead(at);
  unlink(block, at);
  if (at < top) flipPair(parentOf(block, at));
  while (at > order) {
    const node = nodeOf(block, at);
    setBit(SPLIT_BITS, node);
    flipPair(node);
    at--;
    link(block + sizeOf(at), at);
  }
  return block;
}

export function allocZeroed(bytes: u32): usize {
  const block = alloc(bytes);
  if (block != 0) memory.fill(block, 0, bytes);
  return block;
}

export function free(address: usize): void {
  let block = address;
  let order = takenOrder(block);
  while (order < top) {
    const parent = parentOf(block, order);
    if (flipPair(parent)) break;
    unlink(block ^ sizeOf(order), order);
    clearBit(SPLIT_BITS, parent);
    block &= ~sizeOf(order);
    order++;
  }
  link(block, order);
}

// The largest block that starts here; every node above it is split for good, as the bit maps live under it.
function seed(block: usize): usize {
  const order = ctz<u32>(<u32>block) - MIN_SHIFT;
  let above = parentOf(block, order);
  flipPair(above);
  while (above > 0) {
    setBit(SPLIT_BITS, above);
    above >>= 1;
  }
  link(block, order);
  return sizeOf(order);
}

// A block's order is nowhere written: it is that of the topmost unsplit node over its first byte.
function takenOrder(block: usize): u32 {
  let order: u32 = 0;
  let parent = parentOf(block, 0);
  while (order < top && !hasBit(SPLIT_BITS, parent)) {
    order++;
    parent >>= 1;
  }
  return order;
}

function orderOf(bytes: u32): u32 {
  return bytes <= 16 ? 0 : 32 - clz<u32>(bytes - 1) - MIN_SHIFT;
}

function sizeOf(order: u32): usize {
  return (<usize>1) << (order + MIN_SHIFT);
}

function nodeOf(block: usize, order: u32): usize {
  return (((<usize>1) << top) | (block >> MIN_SHIFT)) >> order;
}

function parentOf(block: usize, order: u32): usize {
  return nodeOf(block, order) >> 1;
}

function loadHead(order: u32): usize {
  return load<u32>(HEADS + ((<usize>order) << 2));
}

function storeHead(order: u32, block: usize): void {
  store<u32>(HEADS + ((<usize>order) << 2), <u32>block);
}

function link(block: usize, order: u32): void {
  const next = loadHead(order);
  store<u32>(block, <u32>next, 0);
  store<u32>(block, 0, 4);
  if (next != 0) store<u32>(next, <u32>block, 4);
  storeHead(order, block);
  available |= 1 << order;
}

function unlink(block: usize, order: u32): void {
  const next = <usize>load<u32>(block, 0);
  const previous = <usize>load<u32>(block, 4);
  if (next != 0) store<u32>(next, <u32>previous, 4);
  if (previous != 0) store<u32>(previous, <u32>next, 0);
  else storeHead(order, next);
  if (next == 0 && previous == 0) available &= ~(1 << order);
}

// → whether exactly one half is free now.
function flipPair(node: usize): bool {
  const at = pairBits + (node >> 3);
  const bit = 1 << (<u32>node & 7);
  const flipped = <u32>load<u8>(at) ^ bit;
  store<u8>(at, flipped);
  return (flipped & bit) != 0;
}

function hasBit(map: usize, node: usize): bool {
  return (<u32>load<u8>(map + (node >> 3)) & (1 << (<u32>node & 7))) != 0;
}

function setBit(map: usize, node: usize): void {
  const at = map + (node >> 3);
  store<u8>(at, <u32>load<u8>(at) | (1 << (<u32>node & 7)));
}

function clearBit(map: usize, node: usize): void {
  const at = map + (node >> 3);
  store<u8>(at, <u32>load<u8>(at) & ~(1 << (<u32>node & 7)));
}

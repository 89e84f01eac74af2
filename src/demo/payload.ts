// What the objects contain: bytes that follow from key and size alone, so that a reader can tell whether it got exactly what
// the writer put there. Every byte is written and every byte is compared, at the speed of a memory copy.
import { hashOf } from "./hash.js";

const CHUNK_BYTES = 65_536;

/** Two chunks of noise, the same in every thread: an object's bytes begin where its hash says and go on chunk by chunk. */
const noise = makeNoise(2 * CHUNK_BYTES);

function makeNoise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 0x9e3779b9;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

/** Where in the noise the chunk at `position` of an object begins: another place for every object and chunk. */
const startOf = (hash: number, position: number): number => (hash + position / 64) % CHUNK_BYTES;

function chunkOf(hash: number, position: number, bytes: number): Uint8Array {
  const start = startOf(hash, position);
  return noise.subarray(start, start + Math.min(CHUNK_BYTES, bytes - position));
}

const header = new Uint8Array(8);

/** Hash and size, so that objects whose noise begins at the same place differ too. The next call overwrites the answer. */
function headerOf(hash: number, bytes: number): Uint8Array {
  for (let at = 0; at < 4; at++) {
    header[at] = hash >>> (8 * at);
    header[at + 4] = bytes >>> (8 * at);
  }
  return bytes < header.length ? header.subarray(0, bytes) : header;
}

/** Fills `target` with the payload of `key`. */
export function writePayload(target: Uint8Array, key: string): void {
  const hash = hashOf(key);
  const bytes = target.length;
  for (let position = 0; position < bytes; position += CHUNK_BYTES)
    target.set(chunkOf(hash, position, bytes), position);
  target.set(headerOf(hash, bytes));
}

/** Whether `target` holds the payload of `key`, every byte of it. */
export function holdsPayload(target: Uint8Array, key: string): boolean {
  const hash = hashOf(key);
  const bytes = target.length;
  const header = headerOf(hash, bytes);
  if (!header.every((byte, at) => byte === target[at])) return false;
  for (let position = 0; position < bytes; position += CHUNK_BYTES) {
    const expected = chunkOf(hash, position, bytes);
    const from = position === 0 ? header.length : 0;
    const found = target.subarray(position + from, position + expected.length);
    if (Buffer.compare(found, expected.subarray(from)) !== 0) return false;
  }
  return true;
}

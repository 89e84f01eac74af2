// Numbers for tags that all threads share, for the peers: each text is written once, and each thread remembers those it has met.
const LOCK = 0;
const END = 1;
const FIRST = 4;
const BYTES = 65536;

export function openNames(shared = new SharedArrayBuffer(BYTES)) {
  const i32 = new Int32Array(shared);
  const u8 = new Uint8Array(shared);
  const known = new Map();

  const find = (text) => {
    for (let at = FIRST; at < FIRST + i32[END]; at += 1 + ((i32[at] + 3) >> 2)) if (textAt(at) === text) return at;
    return 0;
  };
  const textAt = (at) => new TextDecoder().decode(u8.slice(4 * at + 4, 4 * at + 4 + i32[at]));
  const add = (text) => {
    const bytes = new TextEncoder().encode(text);
    const at = FIRST + i32[END];
    i32[at] = bytes.length;
    u8.set(bytes, 4 * at + 4);
    i32[END] += 1 + ((bytes.length + 3) >> 2);
    return at;
  };

  return {
    shared,
    known,
    textAt,
    numberOf(text) {
      while (Atomics.compareExchange(i32, LOCK, 0, 1) !== 0);
      const number = find(text) || add(text);
      Atomics.store(i32, LOCK, 0);
      known.set(text, number);
      return number;
    },
  };
}

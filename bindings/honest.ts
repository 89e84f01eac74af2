// Honest: how many bytes an array has, whatever it says of itself: a `length` of its own, or of a subclass, is anybody's code. Owns nothing. What is copied
// to the region by a length that was only said would be too long for its place, or show what lay there before.

const { get: length } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), "length") as {
  get: () => number;
};

export function lengthOf(bytes: Uint8Array): number {
  return length.call(bytes);
}

/** The bytes as they are; a copy of those that say something else. */
export function honest(bytes: Uint8Array): Uint8Array {
  return bytes.length === lengthOf(bytes) ? bytes : new Uint8Array(bytes);
}

// Retained: what the values of a cache keep alive. A Buffer that is a slice keeps its whole chunk, once however many slices there are, so
// chunks are counted, not slices. Between calls `bytes` is the sum of the chunks that some entry still refers to, and a little for each entry.

/** What an entry costs beside its chunk: key, slots, the Buffer object. An estimate, small against the chunks. */
const ENTRY_BYTES = 512;

export class Retained {
  bytes = 0;
  #slices = new Map();

  /** A value came in. O(1). */
  add({ buffer }) {
    const slices = this.#slices.get(buffer) ?? 0;
    this.#slices.set(buffer, slices + 1);
    this.bytes += ENTRY_BYTES + (slices === 0 ? buffer.byteLength : 0);
  }

  /** A value went. O(1). */
  remove({ buffer }) {
    const slices = this.#slices.get(buffer) - 1;
    if (slices === 0) this.#slices.delete(buffer);
    else this.#slices.set(buffer, slices);
    this.bytes -= ENTRY_BYTES + (slices === 0 ? buffer.byteLength : 0);
  }
}

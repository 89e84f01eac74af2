// First in, first out: a map from key to where the object lies in the region, and a queue in order of arrival. An object that
// does not fit makes the heap call the eviction hook, which takes from the front of this queue or another worker's.

/** What every object contains: its key, again and again, so that a reader can tell whether it got what the writer put there. */
const payloadOf = (key, size) => Buffer.alloc(size, key);

export class Fifo {
  counts = { requests: 0, hits: 0, misses: 0, evictions: 0, refused: 0, errors: 0 };
  #region;
  #largestBytes;
  #objects = new Map();
  #first;
  #last;

  /** Objects larger than `largestBytes` are refused without an attempt. */
  constructor(region, largestBytes) {
    this.#region = region;
    this.#largestBytes = largestBytes;
  }

  /** The age of what would be evicted next; undefined when it holds nothing. */
  get oldest() {
    return this.#first?.age;
  }

  /** Serves one request: reads the object where it is held, else stores it. `age` is its place in the whole trace. */
  request(key, size, age) {
    this.counts.requests += 1;
    const object = this.#objects.get(key);
    if (object?.size === size) return this.#read(object);
    this.counts.misses += 1;
    if (object) this.#giveBack(object); // the object has another size now
    this.#store(key, size, age);
  }

  /** Gives back at least so many bytes, oldest first, if it holds as many; answers how many it gave back. */
  evict(bytes) {
    let released = 0;
    while (this.#first && released < bytes) {
      released += this.#giveBack(this.#first);
      this.counts.evictions += 1;
    }
    return released;
  }

  clear() {
    while (this.#first) this.#giveBack(this.#first);
  }

  #read({ key, size, offset }) {
    this.counts.hits += 1;
    if (!payloadOf(key, size).equals(this.#region.heap.view(offset, size))) this.counts.errors += 1;
  }

  #store(key, size, age) {
    const offset = this.#allocate(size);
    if (offset === 0) {
      this.counts.refused += 1;
      return;
    }
    this.#region.heap.view(offset, size).set(payloadOf(key, size));
    this.#append({ key, size, age, offset, grantedBytes: this.#region.heap.usableSize(offset), next: undefined });
  }

  /** 0 when the object does not fit although nobody holds anything any more. A busy heap is asked again. */
  #allocate(size) {
    const { heap } = this.#region;
    if (size > this.#largestBytes) return 0;
    for (;;) {
      const offset = heap.allocUnsafe(size);
      if (offset !== 0 || heap.lastFailure !== "ERR_BUSY") return offset;
    }
  }

  #append(object) {
    this.#objects.set(object.key, object);
    if (this.#last) this.#last.next = object;
    else this.#first = object;
    this.#last = object;
  }

  #giveBack(object) {
    if (!this.#region.heap.free(object.offset)) this.counts.errors += 1;
    object.offset = 0;
    this.#objects.delete(object.key);
    while (this.#first?.offset === 0) this.#first = this.#first.next;
    if (!this.#first) this.#last = undefined;
    return object.grantedBytes;
  }
}

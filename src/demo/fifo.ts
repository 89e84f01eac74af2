// First in, first out: a map from key to where the object lies in the region, and a queue in order of arrival. An object that
// does not fit makes the heap call the eviction hook, which takes from the front of this queue or another worker's.
import type { CacheOptions, ObjectCache } from "./cache.js";
import { holdsPayload, writePayload } from "./payload.js";

interface Entry {
  readonly key: string;
  readonly size: number;
  readonly age: number;
  readonly grantedBytes: number;
  /** Where the object lies; 0 once it has been given back. */
  offset: number;
  next: Entry | undefined;
}

export class FifoCache implements ObjectCache {
  readonly #options: CacheOptions;
  readonly #entries = new Map<string, Entry>();
  #first: Entry | undefined;
  #last: Entry | undefined;

  constructor(options: CacheOptions) {
    this.#options = options;
  }

  get oldest(): number | undefined {
    return this.#first?.age;
  }

  request(key: string, size: number, age: number): void {
    const { tally } = this.#options;
    tally.add("requests");
    tally.add("requestedBytes", size);
    const entry = this.#entries.get(key);
    if (entry?.size === size) return this.#read(entry);
    tally.add("misses");
    if (entry) this.#giveBack(entry); // the object has another size now
    this.#store(key, size, age);
  }

  evict(bytes: number): number {
    let released = 0;
    while (this.#first && released < bytes) {
      released += this.#giveBack(this.#first);
      this.#options.tally.add("evictions");
    }
    return released;
  }

  clear(): void {
    while (this.#first) this.#giveBack(this.#first);
  }

  #read(entry: Entry): void {
    const { region, tally } = this.#options;
    tally.add("hits");
    tally.add("hitBytes", entry.size);
    if (!holdsPayload(region.heap.view(entry.offset, entry.size), entry.key)) tally.add("payloadErrors");
  }

  #store(key: string, size: number, age: number): void {
    const { region, tally } = this.#options;
    const offset = this.#allocate(size);
    if (offset === 0) return tally.add("refused");
    writePayload(region.heap.view(offset, size), key);
    const grantedBytes = region.heap.usableSize(offset);
    tally.add("heldBytes", grantedBytes);
    this.#append({ key, size, age, grantedBytes, offset, next: undefined });
  }

  /** 0 when the object does not fit although nobody holds anything any more. A busy heap is asked again. */
  #allocate(size: number): number {
    const { region, largestBytes } = this.#options;
    if (size > largestBytes) return 0;
    for (;;) {
      const offset = region.heap.allocUnsafe(size);
      if (offset !== 0 || region.heap.lastFailure !== "ERR_BUSY") return offset;
    }
  }

  #append(entry: Entry): void {
    this.#entries.set(entry.key, entry);
    if (this.#last) this.#last.next = entry;
    else this.#first = entry;
    this.#last = entry;
  }

  #giveBack(entry: Entry): number {
    const { region, tally } = this.#options;
    if (!region.heap.free(entry.offset)) tally.add("payloadErrors");
    tally.add("heldBytes", -entry.grantedBytes);
    entry.offset = 0;
    this.#entries.delete(entry.key);
    while (this.#first?.offset === 0) this.#first = this.#first.next;
    if (!this.#first) this.#last = undefined;
    return entry.grantedBytes;
  }
}

// What a replacement policy is to the rest of the replay, and the policies there are.
import type { Region } from "../index.js";
import { FifoCache } from "./fifo.js";
import type { Tally } from "./tally.js";

/** One worker's cache of real bytes in the shared region. */
export interface ObjectCache {
  /** Serves one request: reads the object where it is held, else stores it. `age` is its place in the whole trace. */
  request(key: string, size: number, age: number): void;
  /** Gives back at least so many bytes, oldest first, if it holds as many; answers how many it gave back. */
  evict(bytes: number): number;
  /** The age of what would be evicted next; undefined when it holds nothing. */
  readonly oldest: number | undefined;
  /** Gives everything back. */
  clear(): void;
}

export interface CacheOptions {
  readonly region: Region;
  readonly tally: Tally;
  /** Larger objects are refused without an attempt. */
  readonly largestBytes: number;
}

const POLICIES = {
  fifo: (options: CacheOptions): ObjectCache => new FifoCache(options),
};

export type PolicyName = keyof typeof POLICIES;

export const policyNames = Object.keys(POLICIES) as PolicyName[];

export const isPolicyName = (name: string): name is PolicyName => Object.hasOwn(POLICIES, name);

export const createCache = (name: PolicyName, options: CacheOptions): ObjectCache => POLICIES[name](options);

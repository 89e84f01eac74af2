// The replacement policies by name, as `--policy` takes them: all that a cache has.
import type { CachePolicyName } from "../index.js";

const POLICIES: Record<CachePolicyName, true> = {
  hybrid: true,
  lru: true,
  fifo: true,
  lfu: true,
  ttl: true,
  size: true,
  priority: true,
  sieve: true,
  "s3-fifo": true,
};

export const policyNames = Object.keys(POLICIES) as CachePolicyName[];

export const isPolicyName = (name: string): name is CachePolicyName => Object.hasOwn(POLICIES, name);

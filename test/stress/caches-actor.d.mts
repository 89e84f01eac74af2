/** What the threads count together, in this order. */
export const FAULTS: readonly ["torn", "foreign", "stale", "busy"];

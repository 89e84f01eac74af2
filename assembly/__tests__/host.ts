// Host: what as-pect.config.js lends the specs, the imports from the module `host`: a second thread over the same memory.

/** The other thread adds 1 to the i32 at `p`, `n` times. */
export declare function spawn(p: usize, n: i32): void;

/** The other thread stores the i32 `value` at `p` and wakes who waits there. */
export declare function put(p: usize, value: i32): void;

/** Waits until the other thread has done what it was told. */
export declare function join(): void;

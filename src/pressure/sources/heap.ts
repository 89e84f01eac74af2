// Heap source: this thread's JavaScript heap, as V8 counts it. 1 µs a reading. Buffers, WebAssembly memories and what else lies outside of
// the heap are not in it.

import { ownOptions } from "../../options.js";
import type { PressureSource } from "../source.js";
import { builtin } from "./host.js";

/** What is used of `node:v8`. */
export interface HeapStatistics {
  getHeapStatistics(): { used_heap_size: number; heap_size_limit: number };
}

/** A source named `heap`: bytes of objects, live and not yet collected, of the heap's size limit. No reading where there is no V8. */
export function heapSource(options?: { v8?: HeapStatistics }): PressureSource {
  const v8 = ownOptions("heapSource", options, ["v8"]).v8 ?? builtin<HeapStatistics>("v8");
  return {
    name: "heap",
    read() {
      if (v8 === undefined) return null;
      const { used_heap_size: used, heap_size_limit: limit } = v8.getHeapStatistics();
      return { used, limit };
    },
  };
}

// Runs operations of the heap at every depth just above the end of the stack, and prints one JSON line for each operation; part
// of stack-overflow.test.ts. Run it alone with `node test/stress/overflow-worker.mjs [operation]`.
//
// A stack overflow happens where a function begins (or, in optimised code, where a loop does), so what matters is how many bytes of
// stack are left when the operation is called. The recursion below goes down to the end; on the way back up, each of the last
// frames calls the operation again and again with more and more unused arguments, which lowers the stack by 8 bytes each.
import { Region } from "../../dist/node/index.js";

const LEVELS = 220;
const PADDINGS = Array.from({ length: 24 }, (_, n) => new Array(n).fill(0));
const ROUNDS = 12;
const TABLE = 400;

/** Calls `operation` with every amount of stack from nearly none to some kilobytes. Allocates nothing down there. */
function nearTheEnd(operation) {
  const errors = new Array(LEVELS * (PADDINGS.length + 2)).fill(undefined);
  let count = 0;
  let calls = 0;
  let up = 0;
  function atThisDepth() {
    for (let n = 0; n < PADDINGS.length; n++) {
      try {
        calls++;
        operation.apply(undefined, PADDINGS[n]);
      } catch (error) {
        errors[count++] = error;
      }
    }
  }
  function down(left) {
    if (left !== 0) {
      try {
        down(left - 1);
      } catch {
        up = 0;
      }
    }
    if (up++ < LEVELS) {
      try {
        atThisDepth();
      } catch (error) {
        errors[count++] = error;
      }
    }
  }
  // Once at the top of the stack, so that nothing has to be compiled at its end.
  down(3);
  count = 0;
  calls = 0;
  up = 0;
  down(-1);
  return { errors: errors.slice(0, count), calls };
}

/** Each takes a region's heap and a table of what it holds, and returns the operation. None of them calls anything but the heap. */
const raw = {
  "alloc, small": (heap, table, by) => () => {
    const i = by.next();
    const p = table[i];
    table[i] = 0;
    if (p !== 0) heap.free(p);
    table[i] = heap.alloc(1 + by.below(8192));
  },
  "alloc, a run": (heap, table, by) => () => {
    const i = by.next() % 20;
    const p = table[i];
    table[i] = 0;
    if (p !== 0) heap.free(p);
    table[i] = heap.alloc(8193 + by.below(60_000));
  },
  "alloc, aligned": (heap, table, by) => () => {
    const i = by.next() % 40;
    const p = table[i];
    table[i] = 0;
    if (p !== 0) heap.free(p);
    table[i] = heap.alloc(1 + by.below(20_000), ALIGNED);
  },
  "alloc, full": (heap, table, by) => () => {
    const i = by.next();
    const p = table[i];
    table[i] = 0;
    if (p !== 0 && by.below(4) === 0) heap.free(p);
    else table[i] = p;
    if (table[i] === 0) table[i] = heap.alloc(1 + by.below(60_000));
  },
  free: (heap, table, by) => {
    for (let i = 0; i < TABLE; i++) table[i] = heap.allocUnsafe(1 + by.below(i % 20 ? 1500 : 12_000));
    return () => {
      const i = by.next();
      if (table[i] === 0) {
        table[i] = heap.allocUnsafe(1 + by.below(by.below(2) ? 8192 : 30_000));
        return;
      }
      heap.free(table[i]);
      table[i] = 0;
    };
  },
  realloc: (heap, table, by) => () => {
    const i = by.next() % 60;
    if (table[i] === 0) {
      table[i] = heap.alloc(10_000);
      if (table[i] !== 0) heap.u8[table[i]] = i + 1;
    }
    const p = heap.realloc(table[i], 1 + by.below(by.below(2) ? 8192 : 60_000));
    if (p !== 0) table[i] = p;
  },
  "realloc, a run in place": (heap, table, by) => () => {
    const i = by.next() % 8;
    if (table[i] === 0) {
      table[i] = heap.alloc(20_000);
      if (table[i] !== 0) heap.u8[table[i]] = i + 1;
    }
    const p = heap.realloc(table[i], 8193 + by.below(60_000));
    if (p !== 0) table[i] = p;
  },
};

const ALIGNED = { align: 4096 };

/** The same for Blocks; the table holds them. */
const blocks = {
  "allocate and release": (region, table, by) => () => {
    const i = by.next();
    const block = table[i];
    if (block !== undefined) {
      block.release();
      table[i] = undefined;
    }
    table[i] = region.allocate(1 + by.below(2000));
  },
  "allocate and release, runs": (region, table, by) => () => {
    const i = by.next() % 20;
    const block = table[i];
    if (block !== undefined) {
      block.release();
      table[i] = undefined;
    }
    table[i] = region.allocate(8193 + by.below(30_000));
  },
  release: (region, table) => {
    for (let i = 0; i < TABLE; i++) table[i] = region.allocate(100 + (i % 7) * 64);
    let i = TABLE;
    return () => {
      const block = table[i - 1];
      if (block === undefined) return;
      block.release();
      table[--i] = undefined;
    };
  },
  "release, mixed with allocate": (region, table, by) => {
    for (let i = 0; i < TABLE; i++) table[i] = region.allocate(1 + by.below(i % 20 ? 1500 : 12_000));
    return () => {
      const i = by.next();
      if (table[i] === undefined) {
        table[i] = region.allocate(1 + by.below(2000));
        return;
      }
      table[i].release();
      table[i] = undefined;
    };
  },
  resize: (region, table, by) => () => {
    const i = by.next() % 40;
    if (table[i] === undefined) table[i] = region.allocate(100);
    table[i].resize(1 + by.below(20_000));
  },
  check: (region) => () => {
    region.check();
  },
};

/** Numbers without a call: an operation near the end of the stack must not overflow in the test's own code. */
function numbers(seed) {
  let state = seed;
  return {
    next: () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % TABLE,
    below: (limit) => ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 8) % limit,
  };
}

const isOverflow = (error) => error instanceof RangeError && error.message.includes("call stack");
const isExpected = (error) => isOverflow(error) || error.code === "ERR_MEMORY_LIMIT";

function requireHeld(heap, table, isTagged) {
  const seen = new Set();
  table.forEach((offset, i) => {
    if (offset === 0) return;
    if (!heap.isLive(offset)) throw new Error(`the block at ${offset} is gone`);
    if (seen.has(offset)) throw new Error(`the block at ${offset} is held twice`);
    if (isTagged && heap.u8[offset] !== i + 1) throw new Error(`the bytes of the block at ${offset} are not its own`);
    seen.add(offset);
  });
}

function measure(name, make, isRaw) {
  const result = {
    name,
    calls: 0,
    overflows: 0,
    inWasm: 0,
    rebuilds: 0,
    problems: [],
    unexpected: [],
    lostRaw: 0,
    lostBlocks: 0,
    lostForEver: 0,
  };
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const region = Region.createSync({ size: "1MiB", busyMs: 0, scrub: seed % 2 === 0 });
    const whole = region.stats().largestFreeBytes;
    const owner = Region.attachSync(region.handle());
    const table = isRaw ? new Int32Array(TABLE) : new Array(TABLE).fill(undefined);
    const { errors, calls } = nearTheEnd(make(isRaw ? owner.heap : owner, table, numbers(seed)));
    result.calls += calls;
    for (const error of errors) {
      if (isOverflow(error)) result.overflows++;
      if (isOverflow(error) && /wasm/.test(error.stack)) result.inWasm++;
      if (!isExpected(error)) result.unexpected.push(`seed ${seed}: ${error}`);
    }
    const note = (step, act) => {
      try {
        act();
      } catch (error) {
        result.problems.push(`seed ${seed}, ${step}: ${error.message}`);
      }
    };
    const sound = () => {
      const report = owner.check();
      if (!report.ok) throw new Error(report.problems.slice(0, 3).join("; "));
      if (report.usedBytes !== region.usedBytes) throw new Error(`used ${region.usedBytes}, found ${report.usedBytes}`);
    };
    note("the heap does not work", () => {
      const run = owner.heap.alloc(9000);
      const small = owner.heap.alloc(100);
      if ((run === 0 || small === 0) && owner.heap.lastFailure !== "ERR_FULL") throw new Error(owner.heap.lastFailure);
      if (run !== 0 && !owner.heap.free(run)) throw new Error("free");
      if (small !== 0 && !owner.heap.free(small)) throw new Error("free");
    });
    note("check", sound);
    // A call that threw did nothing: what it was to give back, or to move, is there still, whole, and nobody else's.
    if (isRaw) note("what the table holds", () => requireHeld(owner.heap, table, name.startsWith("realloc")));
    result.rebuilds += owner.stats().rebuilds;
    const held = new Set(isRaw ? table : []);
    held.delete(0);
    for (const offset of held) region.heap.free(offset);
    if (!isRaw) for (const block of table) block?.release();
    note("check with everything given back", sound);
    result[isRaw ? "lostRaw" : "lostBlocks"] += owner.stats().blocks;
    note("close", () => owner.close());
    note("check after close", () => {
      const report = region.check();
      if (!report.ok) throw new Error(report.problems.slice(0, 3).join("; "));
    });
    if (!isRaw) result.lostForEver += region.stats().blocks;
    const lostBytes = region.usedBytes;
    note("one block of all that is free", () => {
      if (lostBytes === 0 && region.heap.alloc(whole) === 0)
        throw new Error(`does not fit: ${JSON.stringify(region.stats())}`);
    });
  }
  result.problemCount = result.problems.length;
  result.problems = result.problems.slice(0, 6);
  result.unexpected = result.unexpected.slice(0, 3);
  return result;
}

const only = process.argv[2];
for (const [group, isRaw] of [
  [raw, true],
  [blocks, false],
]) {
  for (const [name, make] of Object.entries(group)) {
    if (only === undefined || only === name) console.log(JSON.stringify(measure(name, make, isRaw)));
  }
}

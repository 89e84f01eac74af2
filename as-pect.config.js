// Unit tests of the core, written in AssemblyScript and run inside one shared memory.
//
// The core takes all its state at fixed offsets from 0, and the tests themselves are managed code with a heap of their own
// in the same memory. So the memory is cut in two: as-pect.asconfig.json puts the statics and the heap of the tests at
// 16 MiB and above (memoryBase), and the regions under test are made below that, with an explicit number of pages.
//
// as-pect hands over an unshared memory; the core needs a shared one, so it is made here. A spec reaches the second
// thread through `assembly/__tests__/host.ts`, whose declared functions are imports from the module `host`:
//
//     export declare function spawn(p: usize, n: i32): void; // the other thread adds 1 to the i32 at p, n times
//     export declare function put(p: usize, value: i32): void; // the other thread stores the i32 at p and wakes who waits there
//     export declare function join(): void; // waits until it is done
//
// CISTERN_ASPECT_COVERAGE=1 adds the coverage report.
import { Worker } from "node:worker_threads";

const MEMORY = { initial: 320, maximum: 1024, shared: true };

// What the second thread is told: where, a number, and what to do with it.
const [AT, NUMBER, TASK] = [0, 1, 2];
const ADD = 0;
const PUT = 1;

const SECOND_THREAD = `
  const { memory, control } = require("node:worker_threads").workerData;
  const heap = new Int32Array(memory.buffer);
  for (;;) {
    Atomics.wait(control, ${AT}, 0);
    const at = control[${AT}] >>> 2;
    if (control[${TASK}] === ${ADD}) for (let i = 0; i < control[${NUMBER}]; i++) Atomics.add(heap, at, 1);
    else {
      Atomics.store(heap, at, control[${NUMBER}]);
      Atomics.notify(heap, at);
    }
    Atomics.store(control, ${AT}, 0);
    Atomics.notify(control, ${AT});
  }`;

const coverage = process.env.CISTERN_ASPECT_COVERAGE ? { coverage: ["assembly/*.ts"] } : {};

export default {
  entries: ["assembly/__tests__/**/*.spec.ts"],
  include: ["assembly/__tests__/**/*.include.ts"],
  disclude: [/node_modules/],
  async instantiate(_unshared, createImports, instantiate, binary) {
    const memory = new WebAssembly.Memory(MEMORY);
    const control = new Int32Array(new SharedArrayBuffer(12));
    const thread = new Worker(SECOND_THREAD, { eval: true, workerData: { memory, control } });
    thread.unref();
    const tell = (task, at, number) => {
      control[NUMBER] = number;
      control[TASK] = task;
      Atomics.store(control, AT, at);
      Atomics.notify(control, AT);
    };
    const host = {
      spawn: (p, n) => tell(ADD, p, n),
      put: (p, value) => tell(PUT, p, value),
      join() {
        for (let p; (p = Atomics.load(control, AT)) !== 0;) Atomics.wait(control, AT, p);
      },
    };
    return instantiate(binary, createImports({ env: { memory }, host }));
  },
  ...coverage,
  outputBinary: false,
};

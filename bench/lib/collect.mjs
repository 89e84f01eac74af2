// Asks the collector to clear away the regions of the last row: each wasm memory holds gigabytes of addresses until then.
import v8 from "node:v8";
import vm from "node:vm";

v8.setFlagsFromString("--expose-gc");
const gc = vm.runInNewContext("gc");

export async function collectGarbage() {
  // Finalizers of typed arrays and instances run between turns, so it takes more than one.
  for (let i = 0; i < 2; i++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

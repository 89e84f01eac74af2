// The core's binary, in Node and in a cross-origin isolated page: it asks for one shared memory and nothing else, and
// another thread's instance changes nothing in a memory that is in use.
import { expect, it } from "vitest";
import bytes from "../build/core.wasm";

const module = new WebAssembly.Module(bytes);

it("runs where threads may share memory", () => {
  expect(typeof SharedArrayBuffer).toBe("function");
  if (typeof window !== "undefined") expect(window.crossOriginIsolated).toBe(true);
});

it("imports one memory and nothing else", () => {
  expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
});

it.each([1, 2, 100, 65_535])("links to a shared memory of %i pages, fixed in size", (pages) => {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  expect(() => new WebAssembly.Instance(module, { env: { memory } })).not.toThrow();
});

it("leaves a memory in use untouched when one more thread instantiates it", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const words = new Uint8Array(memory.buffer);
  words.fill(0xa5);
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  expect(Object.keys(instance.exports).length).toBeGreaterThan(0);
  expect(words.every((byte) => byte === 0xa5)).toBe(true);
});

// A `.wasm` import is the module's bytes, inlined by the bundler.
declare module "*.wasm" {
  const b: Uint8Array<ArrayBuffer>;
  export default b;
}

// How bundles carry the core: as text in which one character stands for each byte. Base64 hides the repetitions that gzip lives
// on; this keeps them, and a gzipped bundle is a fifth smaller for it.
//
// Byte b is the character b + 35, beyond the control characters and the quote; the backslash gives its place to "!".
import { readFileSync } from "node:fs";

const SHIFT = 35;
const BACKSLASH = 92;
const STAND_IN = 33;

const toText = (bytes) =>
  Array.from(bytes, (byte) => String.fromCharCode(byte + SHIFT === BACKSLASH ? STAND_IN : byte + SHIFT)).join("");

/** The module that stands for a `.wasm` import: its default export is the file's bytes. */
export function wasmAsModule(path) {
  const text = JSON.stringify(toText(readFileSync(path)));
  const decode = `(c) => (c = c.charCodeAt(0)) === ${STAND_IN} ? ${BACKSLASH - SHIFT} : c - ${SHIFT}`;
  return `export default Uint8Array.from(${text}, ${decode});`;
}

/** The same as an esbuild plugin; the bundle must be written with `charset: "utf8"`. */
export const wasmTextPlugin = {
  name: "wasm-text",
  setup({ onLoad }) {
    onLoad({ filter: /\.wasm$/ }, ({ path }) => ({ contents: wasmAsModule(path), loader: "js" }));
  },
};
